/// Which signals are the same request: `timeout`, a terminal and some service managers send one twice, to the process and
/// to its group.
///
/// A value; times are nanoseconds of the monotonic clock.
package struct SignalFilter: Sendable {
    package static let moment: UInt64 = 200_000_000

    private var latest: UInt64?

    package init() {}

    /// Whether this one is a request of its own.
    package mutating func isNew(now: UInt64) -> Bool {
        if let latest, now < latest &+ Self.moment { return false }
        self.latest = now
        return true
    }

    /// What was asked for has been done: who waited meanwhile asked for the same.
    package mutating func wasServed(now: UInt64) { self.latest = now }
}
