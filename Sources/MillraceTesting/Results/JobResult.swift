public import MillraceHandler

/// What one message led to.
public struct JobResult: Sendable, Equatable {
    /// What the handler said, or what its error means.
    public let outcome: Outcome
    /// What goes out: what the handler published if the outcome is `ack`, else nothing.
    public let outputs: [Publication]
    /// What it published although it did not end in `ack`: the supervisor drops it.
    public let dropped: [Publication]
    /// All lines of the log, in their order; those of the handler's `init` come with the first run.
    public let logs: [LogLine]
    /// All that was counted and recorded, in its order.
    public let metrics: [RecordedMetric]
    /// Each call of `holdJob`, in its order.
    public let holds: [RecordedHold]

    init(_ message: HandledMessage, _ all: JobResults) {
        self.outcome = message.outcome
        self.outputs = message.outputs
        self.dropped = message.dropped
        self.logs = all.logs
        self.metrics = all.metrics
        self.holds = all.holds
    }
}

/// What several messages led to.
public struct JobResults: Sendable, Equatable {
    /// What became of each, in the order in which they were given.
    public let messages: [HandledMessage]
    /// All lines of the log, also those that name no message.
    public let logs: [LogLine]
    /// All that was counted and recorded, in its order.
    public let metrics: [RecordedMetric]
    /// Each call of `holdJob`, in its order.
    public let holds: [RecordedHold]
    /// Why the batch failed as a whole, so that its messages were handled one by one; nil if it did not.
    public let failure: String?

    /// The outcome of each message.
    public var outcomes: [Outcome] { self.messages.map(\.outcome) }
    /// All that goes out, message by message.
    public var outputs: [Publication] { self.messages.flatMap(\.outputs) }
}
