import AMQPWire

/// A job as it stands at one moment.
public struct JobStatus: Sendable {
    /// Its name in the job file.
    public let name: String
    /// The queue it consumes, the first of several.
    public let queue: String
    /// Where it stands.
    public let state: JobState
    /// Its worker threads.
    public let threads: Int
    /// Those whose consumer the broker has confirmed.
    public let consuming: Int
    /// Deliveries that its handlers have, or that wait for the broker's confirms.
    public let inHand: Int
    /// Since when the oldest of them is with its handler; zero if none is.
    public let oldestInHand: Duration
    /// What was done since the start.
    public let counts: JobCounts
    /// Why it does not run: that of its ``state``, or why there is no connection, or which of several queues is not there;
    /// nil while it does all that it should.
    public let reason: String?
    /// Workers that have a connection, and no consumer for too long.
    public let idle: Int
    /// Threads that it should have, and that the system did not give.
    public let missing: Int

    /// Threads that its file gives it, of a range the least.
    package let fileThreads: Int
    /// What operators have changed of it.
    package let overrides: JobOverrides
    /// Whether the file has it no more, and its workers are on their way out.
    package let isLeaving: Bool

    /// What holds it, or held it until its first messages went well; nil while it works.
    package let hold: HoldStatus?
    /// How often it was held since the start.
    package let holds: Int
    /// Why it does not get more threads than it has, though its backlog asks for them; nil if it does.
    package let scalingNote: String?

    /// All queues that it consumes, in the order of the file.
    public package(set) var queues: [String]
    /// Those of several that it does not consume though it runs, and why.
    public package(set) var absentQueues: [String: String] = [:]
    /// Of several: the threads that consume each.
    package var consumersOfQueues: [String: Int] = [:]

    /// How long its handlers take, and its messages wait.
    package var times = JobTimes()
    /// What went wrong last, if something did.
    package var failure: JobFailure?
    /// Threads that are in a handler.
    package var busy = 0
    /// Deliveries that came and that no handler has begun.
    package var prefetched = 0
    /// Threads that it should have by its backlog; without a range, those of its file or that somebody wants.
    package var wanted: Int?
    /// How its outputs are published.
    package var publishMode = ""
    /// How long a handler may take.
    package var timeout: Duration?

    package init(
        name: String,
        queue: String,
        state: JobState,
        threads: Int,
        consuming: Int,
        inHand: Int,
        oldestInHand: Duration = .zero,
        counts: JobCounts,
        reason: String? = nil,
        idle: Int = 0,
        missing: Int = 0,
        fileThreads: Int? = nil,
        overrides: JobOverrides = JobOverrides(),
        isLeaving: Bool = false,
        scalingNote: String? = nil,
        hold: HoldStatus? = nil,
        holds: Int = 0
    ) {
        self.hold = hold
        self.holds = holds
        self.scalingNote = scalingNote
        self.fileThreads = fileThreads ?? threads
        self.overrides = overrides
        self.isLeaving = isLeaving
        self.reason = reason
        self.idle = idle
        self.missing = missing
        self.name = name
        self.queue = queue
        self.queues = [queue]
        self.state = state
        self.threads = threads
        self.consuming = consuming
        self.inHand = inHand
        self.oldestInHand = oldestInHand
        self.counts = counts
    }
}

extension JobStatus {
    /// Whether it can not run.
    public var hasFailed: Bool { if case .failed = self.state { true } else { false } }

    /// Why it does not do all that it should, for people; nil if it does, or has ended.
    var shortfall: String? {
        if case .failed(let reason) = self.state { return "job '\(self.name)' has failed: \(reason)" }
        if self.idle > 0 {
            let workers = Plural.of(self.threads, "worker")
            let text = "job '\(self.name)': \(self.idle) of \(workers) \(self.idle == 1 ? "does" : "do") not consume"
            return SupervisorStatus.line(text, self.state == .starting ? self.reason : nil)
        }
        if self.missing > 0 {
            let threads = Plural.of(self.threads, "thread")
            return "job '\(self.name)': \(self.missing) of \(threads) could not be started"
        }
        if self.state == .running, let reason = self.reason { return "job '\(self.name)': \(reason)" }
        return switch self.state {
        case .running, .paused, .held, .drained, .failed: nil
        case .starting: SupervisorStatus.line("job '\(self.name)' is starting", self.reason)
        case .restarting(let reason): "job '\(self.name)' is restarting: \(reason)"
        }
    }
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
    /// It rests, until somebody resumes it.
    case paused
    /// It takes no messages for a while, as its circuit or its handler wants it.
    case held
    /// It has ended.
    case drained

    /// One word.
    public var description: String {
        switch self {
        case .starting: "starting"
        case .running: "running"
        case .restarting: "restarting"
        case .failed: "failed"
        case .paused: "paused"
        case .held: "held"
        case .drained: "drained"
        }
    }
}
