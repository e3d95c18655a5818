/// Tells from the ticks of a timer how long this process did not run: stopped, swapped out, or starved.
///
/// Times in nanoseconds.
package struct StallWatch: Equatable, Sendable {
    private let interval: UInt64
    private var lastTick: UInt64

    /// - Parameters:
    ///   - interval: Between two ticks.
    ///   - now: The time.
    package init(interval: UInt64, now: UInt64) {
        self.interval = interval
        self.lastTick = now
    }

    /// The timer fired.
    ///
    /// - Returns: How long this process did not run; 0 for a delay as there are many.
    package mutating func tick(now: UInt64) -> UInt64 {
        let gap = now > self.lastTick ? now - self.lastTick : 0
        self.lastTick = now
        return gap > self.interval * 5 ? gap - self.interval : 0
    }
}
