/// What becomes of a delivery when its handler has run.
public enum Outcome: Sendable, Equatable {
    /// Done: its outputs are published, then it is acked.
    case ack
    /// It failed and may work another time; the job's `on_failure` decides. What a thrown error means.
    case retry(String)
    /// It failed for good: to the queue's dead-letter target. What a thrown ``Unrecoverable`` means.
    case reject(String)
    /// Put it back now; not a failure.
    case requeue
    /// Put it back and have it again later; not a failure.
    ///
    /// The broker keeps it meanwhile; 1 ms to 7 days, rounded up to two significant digits.
    case snooze(Duration)
    /// Drop it on purpose and call it done; the reason goes to the log.
    case discard(String)
    /// Put it back and stop this job.
    case stop(String)
}

/// Thrown by a handler for a message that no further try can help: it goes to the dead-letter target.
public struct Unrecoverable: Error, CustomStringConvertible {
    /// Goes to the log.
    public let reason: String

    /// An end with a reason.
    public init(_ reason: String) { self.reason = reason }

    /// The reason.
    public var description: String { self.reason }
}
