/// What is to become of one delivery: the word of its handler, or of whoever decides in its place.
struct Settling: Equatable {
    var verdict: HandlerVerdict
    var reason: String?
    /// How long it snoozes, in nanoseconds.
    var delay: UInt64 = 0
    /// The attempt that our own header counts, from 1.
    var attempt = 1
    /// The attempt that people read of: with what the broker has counted.
    var shownAttempt = 1
    /// A drain has cut its handler short, which then says nothing about the message.
    var isCutShort = false
    /// The reason of a dead letter, where it was not a handler that failed.
    var death: FailureNote.Reason?
    /// Whether it has outputs, which are published before it is done.
    var hasOutputs = false
    /// The broker gives the message out again anyway: a copy, or outputs, would be one too many.
    var isTakenBack = false

    /// Whether it counts for the job's circuit: a retry, whatever `on_failure` makes of it.
    ///
    /// A reject says that the message is wrong, not what the handler needs; a drain that cut it short says nothing.
    var isFailureOfJob: Bool {
        self.death == nil && !self.isCutShort && (self.verdict == .retry || self.verdict == .alone)
    }
}

/// What a delivery's end says in the log.
struct FailureLine: Equatable {
    let reason: String
    let attempt: Int
    let outcome: String
    /// It does not come again.
    let isFinal: Bool
}
