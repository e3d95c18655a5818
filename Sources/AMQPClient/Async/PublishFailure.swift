public import AMQPCore

/// Why a message of an ``AsyncPublisher`` is not confirmed, and what may have become of it.
public struct PublishFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// Why it is not confirmed; any release may add some.
    public enum Reason: Sendable, Equatable {
        /// No queue took it (`basic.return`): there is no such queue, or nothing is bound for the key.
        case unroutable
        /// A queue refused it (`basic.nack`): it is full, or its node is in trouble.
        case refused
        /// The broker ended the channel over it, or it can not be written: no such exchange, no permission, too large.
        case rejected(AMQPError)
        /// The broker did not answer in time.
        case timeout
        /// The calling task was cancelled.
        case cancelled
        /// Its connection ended before the answer, and it is not to be published again.
        case unanswered(AMQPError)
        /// The publisher was stopped, or its connection gave up.
        case ended(AMQPError)
        /// The call itself is wrong, and nothing was sent.
        case invalid(String)
    }

    /// What may have become of the message.
    public enum Fate: Sendable, Equatable {
        /// It is in no queue.
        case notPublished
        /// It may be in its queue, or not: who publishes it again may make a duplicate, and should give it the same identifier.
        case unknown
        /// The broker has it; no error says this.
        case published
    }

    /// Why it is not confirmed.
    public let reason: Reason
    /// What may have become of it.
    public let fate: Fate
    /// Its `message-id`, given or made up; empty if the call was wrong.
    public let messageID: String
    /// How often it was sent: more than once after a lost connection.
    public let sendings: Int

    /// An error, for a test of one's own.
    public init(_ reason: Reason, fate: Fate = .notPublished, messageID: String = "", sendings: Int = 0) {
        self.reason = reason
        self.fate = fate
        self.messageID = messageID
        self.sendings = sendings
    }

    /// One line for a log: the reason, and what may have become of the message.
    public var description: String {
        let reason =
            switch self.reason {
            case .unroutable: "no queue took the message: there is none of this name, or none bound for this key"
            case .refused: "the queue refused the message: it is full, or its node is in trouble"
            case .rejected(let error): "the broker can not take this message: \(error)"
            case .timeout: "the broker did not answer in time"
            case .cancelled: "the task was cancelled"
            case .unanswered(let error): "the connection ended before the answer: \(error)"
            case .ended(let error): "nothing is published any more: \(error)"
            case .invalid(let text): text
            }
        return PlainText.line(self.fate == .unknown ? "\(reason). The message may be in its queue" : reason)
    }
}
