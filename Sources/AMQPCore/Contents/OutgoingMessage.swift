public import AMQPWire

/// A message as it was given to publish: all that is needed to publish it again.
public struct OutgoingMessage: Sendable, Equatable {
    /// The octets.
    public var body: [UInt8]
    /// Empty for the default exchange, which routes to the queue named by the key.
    public var exchange: String
    /// At most 255 octets.
    public var routingKey: String
    /// As given, without the header that a mandatory publish is sent with.
    public var properties: BasicProperties
    /// To be returned if no queue takes it.
    public var mandatory: Bool

    /// A message for ``Channel/publish(_:timeout:)``.
    public init(
        _ body: [UInt8],
        exchange: String = "",
        routingKey: String,
        properties: BasicProperties = BasicProperties(),
        mandatory: Bool = false
    ) {
        self.body = body
        self.exchange = exchange
        self.routingKey = routingKey
        self.properties = properties
        self.mandatory = mandatory
    }
}

/// A publish on a confirm channel that was not confirmed, with its message: the caller decides what to do about it.
public struct FailedPublish: Sendable, Equatable {
    /// Why it is not confirmed.
    public enum Reason: Sendable, Equatable {
        /// The broker refused it (basic.nack): it is in no queue, or not in all.
        case refused
        /// No queue took it (basic.return).
        case returned
        /// The channel ended first: it may be in its queue, or lost (C45). To publish it again may make a duplicate.
        case unknown
    }
    /// Its number on the channel, from 1 (C46).
    public let sequence: UInt64
    /// Why it is not confirmed.
    public let reason: Reason
    /// What was published.
    public let message: OutgoingMessage
}

/// What a confirm channel keeps of a publish until the broker answers.
struct UnconfirmedPublish: Sendable {
    /// Comes back with the verdict.
    let token: UInt64
    let sequence: UInt64
    let message: OutgoingMessage?

    init(token: UInt64, sequence: UInt64, message: OutgoingMessage? = nil) {
        self.token = token
        self.sequence = sequence
        self.message = message
    }
}

/// What became of a publish on a confirm channel.
package struct PublishVerdict: Sendable, Equatable {
    /// As given by the publisher.
    package let token: UInt64
    /// Its number on the channel.
    package let sequence: UInt64
    package let verdict: ConfirmVerdict
    let message: OutgoingMessage?

    /// Of a message that its publisher keeps.
    package init(token: UInt64, sequence: UInt64, _ verdict: ConfirmVerdict) {
        self.token = token
        self.sequence = sequence
        self.verdict = verdict
        self.message = nil
    }

    init(_ publish: UnconfirmedPublish, _ verdict: ConfirmVerdict) {
        self.token = publish.token
        self.sequence = publish.sequence
        self.verdict = verdict
        self.message = publish.message
    }

    /// Nil if it was confirmed, or published by a caller that keeps its messages itself.
    var failure: FailedPublish? {
        let reason: FailedPublish.Reason
        switch self.verdict {
        case .confirmed: return nil
        case .refused: reason = .refused
        case .returned: reason = .returned
        case .unknown: reason = .unknown
        }
        return self.message.map { FailedPublish(sequence: self.token, reason: reason, message: $0) }
    }
}
