/// What becomes of a delivery when its handler has run.
public enum Outcome: Sendable, Equatable {
    /// Done: its outputs are published, then it is acked.
    case ack
    /// It failed and may work another time; the job's `on_failure` decides. What a thrown error means.
    case retry(String)
    /// It failed for good: to the queue's dead-letter target. What a thrown ``Unrecoverable`` or ``PayloadError`` means.
    case reject(String)
    /// Put it back now; not a failure.
    case requeue
    /// Put it back and have it again later; not a failure.
    ///
    /// The broker keeps it meanwhile; 1 ms to 7 days, rounded up to whole milliseconds.
    case snooze(Duration)
    /// Drop it on purpose and call it done; the reason goes to the log.
    case discard(String)
    /// Put it back and stop this job.
    case stop(String)

    /// What an error means that a handler threw.
    ///
    /// - Parameter error: ``Unrecoverable`` and ``PayloadError`` are a reject, anything else is a retry.
    public init(thrown error: any Error) {
        switch error {
        case let error as Unrecoverable: self = .reject(error.reason)
        case let error as PayloadError: self = .reject(error.description)
        default: self = .retry("\(error)")
        }
    }

    /// One word, for logs and metrics.
    package var name: String {
        switch self {
        case .ack: "ack"
        case .retry: "retry"
        case .reject: "reject"
        case .requeue: "requeue"
        case .snooze: "snooze"
        case .discard: "discard"
        case .stop: "stop"
        }
    }

    /// All that ``name`` can be.
    package static let names = ["ack", "retry", "reject", "requeue", "snooze", "discard", "stop"]

    /// Whether the message has failed by it.
    package var isFailure: Bool {
        switch self {
        case .retry, .reject, .stop: true
        case .ack, .requeue, .snooze, .discard: false
        }
    }

    /// Why, where there is a reason to give.
    package var reason: String? {
        switch self {
        case .ack, .requeue, .snooze: nil
        case .retry(let reason), .reject(let reason), .discard(let reason), .stop(let reason): reason
        }
    }
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
