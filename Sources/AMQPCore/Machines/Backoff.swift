/// Exponential backoff with jitter, as a value: the random number comes in.
package struct Backoff: Sendable, Equatable {
    private let settings: RecoverySettings
    private var attempt = 0

    package init(_ settings: RecoverySettings = RecoverySettings()) { self.settings = settings }

    /// The next wait in nanoseconds.
    ///
    /// - Parameter random: 0..<1; spreads the wait by ± the settings' jitter.
    /// - Returns: Nanoseconds.
    package mutating func next(random: Double) -> UInt64 {
        let initial = Double(self.settings.initialInterval.nanoseconds)
        let longest = Double(self.settings.maxInterval.nanoseconds)
        var wait = initial
        for _ in 0..<self.attempt where wait < longest { wait *= max(self.settings.multiplier, 1) }
        self.attempt += 1
        let spread = 1 + self.settings.jitter * (random * 2 - 1)
        return UInt64(max(0, min(wait, longest) * spread))
    }

    /// It worked: start small again.
    package mutating func reset() { self.attempt = 0 }
}
