/// A rate limit: `allowed` per `interval`, all at once at first, then as they come back one by one.
package struct TokenBucket: Sendable, Equatable {
    /// Nanoseconds for one to come back.
    private let cost: Double
    private let allowed: Double
    /// When all of them would be there again, in nanoseconds; grows with each one taken.
    private var fullAt: Double = 0

    /// - Parameters:
    ///   - allowed: From 1.
    ///   - interval: In nanoseconds, from 1.
    package init(allowed: Int, interval: UInt64) {
        self.allowed = Double(max(allowed, 1))
        self.cost = Double(max(interval, 1)) / self.allowed
    }

    /// Takes one.
    ///
    /// - Returns: 0, or how many nanoseconds to wait before the next try; then nothing was taken.
    package mutating func take(now: UInt64) -> UInt64 {
        let now = Double(now)
        let start = max(self.fullAt, now)
        let wait = start + self.cost - (now + self.cost * self.allowed)
        if wait > 1 { return UInt64(wait.rounded(.up)) }
        self.fullAt = start + self.cost
        return 0
    }
}
