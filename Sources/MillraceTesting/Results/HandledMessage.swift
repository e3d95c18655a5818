public import MillraceHandler

/// What became of one message.
public struct HandledMessage: Sendable, Equatable {
    /// What the handler said, or what its error means.
    public let outcome: Outcome
    /// What goes out: what was published for this message if its outcome is `ack`, else nothing.
    public let outputs: [Publication]
    /// What was published for a message that did not end in `ack`: the supervisor drops it.
    public let dropped: [Publication]
    /// The lines of the log that name this message.
    public let logs: [LogLine]

    init(_ outcome: Outcome, published: [Publication], logs: [LogLine]) {
        self.outcome = outcome
        self.outputs = outcome == .ack ? published : []
        self.dropped = outcome == .ack ? [] : published
        self.logs = logs
    }
}
