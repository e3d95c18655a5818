/// How long to wait between attempts: an exponential backoff with jitter.
///
/// `connection.recovery` in a job file.
public struct RecoverySettings: Sendable, Equatable {
    /// The first wait; 500 ms unless given, 1 ms…1 h.
    public var initialInterval: Duration
    /// What each wait is multiplied by to give the next; 2 unless given, 1…100.
    public var multiplier: Double
    /// No wait is longer than this; 30 s unless given, never less than the first wait, at most 24 h.
    public var maxInterval: Duration
    /// The share of each wait that is random, 0…1; 0.2 unless given.
    public var jitter: Double

    /// Makes recovery settings in code; nothing is checked.
    public init(
        initialInterval: Duration = .milliseconds(500),
        multiplier: Double = 2,
        maxInterval: Duration = .seconds(30),
        jitter: Double = 0.2
    ) {
        self.initialInterval = initialInterval
        self.multiplier = multiplier
        self.maxInterval = maxInterval
        self.jitter = jitter
    }
}
