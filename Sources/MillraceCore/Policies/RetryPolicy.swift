import AMQPCore
package import MillraceMessages

/// A job's `retry`: how often a failed message is tried again, and after which waits.
public struct RetryPolicy: Sendable, Equatable {
    /// Attempts in all, the first included; 5 unless given, 1…1,000.
    public var maxAttempts: Int
    /// The wait before the second attempt; 1 s unless given, 1 ms…24 h.
    public var initialInterval: Duration
    /// What each wait is multiplied by for the next; 4 unless given, 1…100.
    public var multiplier: Double
    /// The longest wait; 10 min unless given, 1 ms…24 h.
    public var maxInterval: Duration
    /// How far a wait may differ, as a part of it; 0.2 unless given, 0…1.
    public var jitter: Double

    /// Makes a policy in code; nothing is checked.
    public init(
        maxAttempts: Int = 5,
        initialInterval: Duration = .seconds(1),
        multiplier: Double = 4,
        maxInterval: Duration = .seconds(600),
        jitter: Double = 0.2
    ) {
        self.maxAttempts = maxAttempts
        self.initialInterval = initialInterval
        self.multiplier = multiplier
        self.maxInterval = maxInterval
        self.jitter = jitter
    }

    /// The wait after a failed attempt.
    ///
    /// - Parameters:
    ///   - attempt: The attempt that failed, from 1.
    ///   - random: 0..<1.
    /// - Returns: The wait, or nil if that was the last attempt.
    package func delay(afterAttempt attempt: Int, random: Double) -> Wait? {
        guard attempt < self.maxAttempts else { return nil }
        let initial = Double(self.initialInterval.nanoseconds) / 1e6
        let longest = Double(self.maxInterval.nanoseconds) / 1e6
        var wait = initial
        // Not pow: the exponent may be large, and the loop ends as soon as the longest wait is reached.
        var left = attempt - 1
        while left > 0, wait < longest, self.multiplier > 1 {
            wait *= self.multiplier
            left -= 1
        }
        wait = min(wait, longest) * (1 + self.jitter * (random * 2 - 1))
        return Wait(milliseconds: wait)
    }
}
