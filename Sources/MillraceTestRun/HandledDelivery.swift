import Millrace
public import MillraceHandler

/// One delivery in a run, and what became of it.
public struct HandledDelivery: Sendable, Equatable {
    /// What followed for the message.
    public enum End: Sendable, Equatable {
        /// Done: acked, or dropped on purpose.
        case done
        /// Done as soon as the broker has confirmed its outputs.
        case publishes
        /// It comes again: after a wait, or at once.
        case comesAgain
        /// It became a dead letter; why: `exhausted`, `rejected`, `failed`, `hung`.
        case deadLetter(String)
        /// Nothing yet: its handler ran longer than the job's timeout.
        case overran
        /// It has failed, because an output of it could not be delivered.
        case undeliverable(String)
    }

    /// The job that had it.
    public let job: String
    /// Its `message-id`.
    public let messageID: String?
    /// The first octets of its body, as text.
    public let start: String
    /// Which attempt it was, from 1.
    public let attempt: Int
    /// What its handler said; nil where the handler did not decide.
    public let outcome: Outcome?
    /// What followed.
    public let end: End

    init(_ report: DeliveryReport) {
        self.job = report.job
        self.messageID = report.messageID
        self.start = String(decoding: report.start, as: UTF8.self)
        self.attempt = report.attempt
        switch report.event {
        case .overran: (self.outcome, self.end) = (nil, .overran)
        case .outputFailed(let reason): (self.outcome, self.end) = (nil, .undeliverable(reason))
        case .ended(let verdict, let reason, let delay, let end):
            self.outcome = Self.outcome(verdict, reason ?? "", delay)
            self.end =
                switch end {
                case .done: .done
                case .publishes: .publishes
                case .comesAgain: .comesAgain
                case .dead(let reason): .deadLetter(reason)
                }
        }
    }

    private static func outcome(_ verdict: HandlerVerdict, _ reason: String, _ delay: UInt64) -> Outcome {
        switch verdict {
        case .ack: .ack
        case .retry, .alone: .retry(reason)
        case .reject: .reject(reason)
        case .requeue: .requeue
        case .snooze: .snooze(.nanoseconds(Int64(clamping: delay)))
        case .discard: .discard(reason)
        case .stop: .stop(reason)
        }
    }

    /// How people know the message: by its id, or by what it begins with.
    var name: String { self.messageID.map { "'\($0)'" } ?? "without message-id, '\(self.start)'" }

    var error: String {
        if case .undeliverable(let reason) = self.end { return reason }
        switch self.outcome {
        case .retry(let reason), .reject(let reason), .discard(let reason), .stop(let reason): return reason
        case .ack, .requeue, .snooze, nil: return "none given"
        }
    }
}
