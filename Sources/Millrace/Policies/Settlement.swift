/// What a handler said about a delivery, without the job's policy.
package enum HandlerVerdict: Equatable, Sendable {
    case ack, retry, reject, requeue, snooze, discard, stop
}

/// What is sent to the broker for a delivery.
package enum Settlement: Equatable, Sendable {
    /// Done, outputs and all.
    case ack
    /// Done without its outputs: dropped on purpose.
    case discard
    /// A failure: `basic.reject`, to the dead-letter target.
    case reject
    /// A failure that is tried again at once: `basic.reject` with requeue, which new brokers count.
    case rejectRequeue
    /// Not a failure: `basic.nack` with requeue, which new brokers do not count.
    case giveBack

    package init(_ verdict: HandlerVerdict, onFailure: FailureAction) {
        switch verdict {
        case .ack: self = .ack
        case .discard: self = .discard
        case .reject: self = .reject
        case .requeue, .snooze, .stop: self = .giveBack
        case .retry:
            switch onFailure {
            case .requeue: self = .rejectRequeue
            case .reject: self = .reject
            case .discard: self = .discard
            }
        }
    }

    /// Whether it was the handler's or an output's failure.
    package var isFailure: Bool { self == .reject || self == .rejectRequeue }
}
