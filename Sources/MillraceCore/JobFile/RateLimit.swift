/// A job's `rate_limit`: how many deliveries its handlers may begin in a time, in this process.
public struct RateLimit: Sendable, Equatable {
    /// How many, from 1.
    public var allowed: Int
    /// In how long, 1 ms…24 h.
    public var interval: Duration

    /// Makes a limit in code; nothing is checked.
    public init(allowed: Int, interval: Duration) {
        self.allowed = allowed
        self.interval = interval
    }
}
