/// Deliveries that can not be copied, and whose queue has no dead-letter target of its own: they are kept in hand for a
/// while before they go back, so that one of them is no hot loop and its neighbours go on.
///
/// A value; times are nanoseconds of the monotonic clock.
package struct SetAside: Sendable {
    private var deliveries: [(tag: UInt64, until: UInt64)] = []

    package static let time: UInt64 = 60_000_000_000

    package init() {}

    package var count: Int { self.deliveries.count }
    package var isEmpty: Bool { self.deliveries.isEmpty }
    package var wake: UInt64? { self.deliveries.first?.until }

    /// - Parameters:
    ///   - tag: The delivery's.
    ///   - prefetch: The job's: at most half of it is set aside, so that others still come.
    ///   - now: The time.
    /// - Returns: Whether there is room.
    package mutating func add(_ tag: UInt64, prefetch: Int, now: UInt64) -> Bool {
        guard prefetch == 0 || self.deliveries.count < prefetch / 2 else { return false }
        self.deliveries.append((tag, now &+ Self.time))
        return true
    }

    /// Takes out those whose time has come, the oldest first.
    package mutating func due(now: UInt64) -> [UInt64] {
        let due = self.deliveries.prefix { $0.until <= now }.map(\.tag)
        self.deliveries.removeFirst(due.count)
        return due
    }

    /// Takes all of them out.
    package mutating func removeAll() -> [UInt64] {
        defer { self.deliveries = [] }
        return self.deliveries.map(\.tag)
    }
}
