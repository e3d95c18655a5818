package import AMQPWire

/// What the reader tells the owner of a channel, apart from deliveries.
package enum ChannelEvent: Sendable {
    /// The answer to the one outstanding request.
    case reply(Method)
    /// The message of `basic.get`.
    case got(Block, ContentRecord)
    /// The broker took back what was outstanding up to this tag (C59).
    case requeued(upTo: UInt64)
    /// A mandatory publish that no queue took (C49).
    case returned(Block, ContentRecord)
    /// Publishes confirmed or refused (C48).
    case confirm(tag: UInt64, multiple: Bool, positive: Bool)
    /// The broker ended a consumer by itself (C56, C61).
    case cancelled(consumerTag: String)
    /// The way out has room again, or the broker lifted its block.
    case writable
    /// The end of the channel, once.
    case closed(AMQPError)
}
