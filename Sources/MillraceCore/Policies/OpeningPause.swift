/// When a channel that ended may be opened again, as a value: one that ends again and again, and has brought nothing in
/// between, is opened less and less often.
///
/// Times are nanoseconds of the monotonic clock.
package struct OpeningPause: Sendable, Equatable {
    private static let shortest: UInt64 = 20_000_000
    private static let longest: UInt64 = 5_000_000_000

    private var fruitless = 0
    private var notBefore: UInt64 = 0

    package init() {}

    /// The channel ended, or could not be used: the first time another one may be opened at once.
    package mutating func ended(now: UInt64) {
        self.fruitless += 1
        guard self.fruitless > 1 else { return }
        self.notBefore = now &+ min(Self.shortest << UInt64(min(self.fruitless - 2, 16)), Self.longest)
    }

    /// The broker has taken something that was sent on it.
    @inline(__always)
    package mutating func worked() {
        if self.fruitless > 0 { self = OpeningPause() }
    }

    /// Nil if it may be opened now.
    package func mayOpenAt(now: UInt64) -> UInt64? { now < self.notBefore ? self.notBefore : nil }
}
