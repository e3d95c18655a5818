/// How a supervisor runs, apart from what the job file says.
public struct SupervisorOptions: Sendable {
    /// End with a drain once every job's queue is empty and every delivery settled.
    public var once: Bool
    /// Called about this often with the state of every job; nil never.
    public var statusInterval: Duration?
    /// A worker that has a connection and no running consumer for this long is named in the log, its channel is
    /// opened again, and the supervisor is not ready.
    public var consumeTimeout: Duration
    /// How failed and snoozed messages wait.
    package var delays = DelaySettings()

    /// The defaults: run until stopped, no status, 30 s for a consumer to start.
    public init(once: Bool = false, statusInterval: Duration? = nil, consumeTimeout: Duration = .seconds(30)) {
        self.once = once
        self.statusInterval = statusInterval
        self.consumeTimeout = consumeTimeout
    }
}

/// How a run of the supervisor ended; the raw value is the process's exit status.
public enum ExitStatus: Int32, Sendable {
    /// Drained, nothing abandoned.
    case clean = 0
    /// Ended with deliveries in hand, which the broker gives out again; or a job had failed.
    case abandoned = 1
    /// No connection to the broker could be had.
    case brokerUnavailable = 69
    /// No job could start.
    case configuration = 78
}

/// Where a job stands.
public enum JobState: Sendable, Equatable, CustomStringConvertible {
    /// Before its workers' first consumer, or without a connection.
    case starting
    /// At least one worker consumes.
    case running
    /// Its channels are being opened again.
    case restarting(String)
    /// It can not run; the other jobs do.
    case failed(String)
    /// It has ended.
    case drained

    /// One word.
    public var description: String {
        switch self {
        case .starting: "starting"
        case .running: "running"
        case .restarting: "restarting"
        case .failed: "failed"
        case .drained: "drained"
        }
    }
}

/// A job as it stands at one moment.
public struct JobStatus: Sendable {
    /// Its name in the job file.
    public let name: String
    /// The queue it consumes.
    public let queue: String
    /// Where it stands.
    public let state: JobState
    /// Its worker threads.
    public let threads: Int
    /// Those whose consumer the broker has confirmed.
    public let consuming: Int
    /// What was done since the start.
    public let counts: JobCounts
}
