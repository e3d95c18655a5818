package import MillraceMessages

/// What a handler said about a delivery, without the job's policy.
package enum HandlerVerdict: Equatable, Sendable {
    case ack, retry, reject, requeue, snooze, discard, stop
    /// Its batch failed as a whole, and it is to be begun by itself; of a delivery that is by itself, a retry.
    case alone

    /// Whether something went wrong.
    package var isFailure: Bool {
        switch self {
        case .retry, .reject, .requeue, .stop, .alone: true
        case .ack, .snooze, .discard: false
        }
    }
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
    /// A failure: a copy waits for the next attempt, so the original is acked.
    case retried
    /// A failure: a copy is a dead letter, so the original is acked.
    case deadLettered
    /// Not a failure: a copy waits for its time, so the original is acked.
    case snoozed

    /// Whether it was the handler's or an output's failure.
    package var isFailure: Bool {
        switch self {
        case .reject, .rejectRequeue, .retried, .deadLettered: true
        case .ack, .discard, .giveBack, .snoozed: false
        }
    }
}

/// What becomes of a delivery, by its handler's word and its job's policy.
package enum Disposition: Equatable, Sendable {
    /// It is settled as it is.
    case settle(Settlement)
    /// A copy comes again after the wait, as this attempt.
    case retry(Wait, attempt: Int)
    /// A copy goes to the dead-letter target.
    case deadLetter(FailureNote.Reason)
    /// A copy comes again after the wait; it is no attempt.
    case snooze(Wait)

    /// - Parameters:
    ///   - verdict: The handler's word.
    ///   - delay: How long it snoozes, in nanoseconds.
    ///   - attempt: Which attempt it was, from 1.
    ///   - onFailure: The job's.
    ///   - retry: The job's.
    ///   - random: 0..<1, for the jitter.
    package init(
        _ verdict: HandlerVerdict,
        delay: UInt64 = 0,
        attempt: Int,
        onFailure: FailureAction,
        retry: RetryPolicy,
        random: Double
    ) {
        switch verdict {
        case .ack: self = .settle(.ack)
        case .discard: self = .settle(.discard)
        case .reject: self = .deadLetter(.rejected)
        case .requeue, .stop: self = .settle(.giveBack)
        case .snooze: self = delay == 0 ? .settle(.giveBack) : .snooze(Wait(nanoseconds: delay))
        case .retry, .alone:
            switch onFailure {
            case .requeue: self = .settle(.rejectRequeue)
            case .reject: self = .deadLetter(.failed)
            case .discard: self = .settle(.discard)
            case .retry:
                if let wait = retry.delay(afterAttempt: attempt, random: random) {
                    self = .retry(wait, attempt: attempt + 1)
                } else {
                    self = .deadLetter(.exhausted)
                }
            }
        }
    }
}
