/// What the log says of deliveries that fail: each of them, as long as they are few, and above that how many there were.
///
/// A value; times are nanoseconds of the monotonic clock.
package struct FailureReport: Equatable, Sendable {
    package struct Sum: Equatable, Sendable {
        /// Those that come again.
        package var again = 0
        /// Those that do not.
        package var final = 0

        package init(again: Int = 0, final: Int = 0) {
            self.again = again
            self.final = final
        }
    }

    /// Lines in one ``window``, of each of the two kinds.
    package static let lines = 10
    package static let window: UInt64 = 1_000_000_000

    private var since: UInt64 = 0
    private var said = Sum()
    private var unsaid = Sum()

    package init() {}

    package var isQuiet: Bool { self.unsaid == Sum() }

    /// A delivery failed.
    ///
    /// - Parameters:
    ///   - isFinal: It does not come again.
    ///   - now: The time.
    /// - Returns: Whether it has a line of its own.
    package mutating func failed(isFinal: Bool, now: UInt64) -> Bool {
        if self.isQuiet, now >= self.since &+ Self.window {
            self.since = now
            self.said = Sum()
        }
        let kind = isFinal ? \Sum.final : \Sum.again
        guard self.said[keyPath: kind] < Self.lines else {
            self.unsaid[keyPath: kind] += 1
            return false
        }
        self.said[keyPath: kind] += 1
        return true
    }

    /// How many had no line of their own, when it is time to say so.
    package mutating func look(now: UInt64) -> Sum? {
        guard let deadline, now >= deadline else { return nil }
        defer {
            self.unsaid = Sum()
            self.said = Sum()
            self.since = now
        }
        return self.unsaid
    }

    /// When to look again; nil if nothing is to be said.
    package var deadline: UInt64? { self.isQuiet ? nil : self.since &+ Self.window }
}
