/// A job's `circuit`: after how many failures it takes no more messages for a while.
public struct CircuitSettings: Sendable, Equatable {
    /// So many failures, 1…1,000.
    public var failures: Int
    /// In so long a time, 1 ms…24 h.
    public var within: Duration
    /// How long it rests the first time, 100 ms…24 h; longer each time that the first messages after it fail again.
    public var pause: Duration

    /// Makes settings in code; nothing is checked.
    public init(failures: Int, within: Duration, pause: Duration) {
        self.failures = failures
        self.within = within
        self.pause = pause
    }

    /// The longest rest: 16 times the first one, an hour at most unless the first one is longer.
    public var longestPause: Duration { max(self.pause, min(self.pause * 16, .seconds(3600))) }
}
