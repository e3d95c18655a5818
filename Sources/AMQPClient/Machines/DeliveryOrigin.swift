/// Tells a channel's own deliveries from those of its number's last life.
///
/// RabbitMQ may still send deliveries of a channel that failed after it has answered the opening of the next one with
/// the same number (C37). Their acks would cost the new channel.
package struct DeliveryOrigin: Equatable, Sendable {
    /// Whether another channel had the number before, on this connection.
    private let isReused: Bool
    private var consumers: Set<String> = []
    /// The tag of the last message that came, also by basic.get; 0 before the first.
    package private(set) var lastTag: UInt64 = 0

    package init(isReused: Bool) { self.isReused = isReused }

    package mutating func consumeOkReceived(_ consumerTag: String) { self.consumers.insert(consumerTag) }

    /// Whether the tag alone shows that the delivery is our own: no look at the consumer tag is needed.
    @inline(__always)
    package func isOwn(_ deliveryTag: UInt64) -> Bool {
        !self.isReused || (deliveryTag == self.lastTag &+ 1 && deliveryTag > 1)
    }

    /// Tags count up by one, and nothing comes before consume-ok.
    package func isStray(_ deliveryTag: UInt64, consumerTag: @autoclosure () -> String) -> Bool {
        if self.isOwn(deliveryTag) { return false }
        return deliveryTag > self.lastTag &+ 1 || !self.consumers.contains(consumerTag())
    }

    /// Whether this consumer is one of an earlier life.
    package func isStray(consumerTag: String) -> Bool { self.isReused && !self.consumers.contains(consumerTag) }

    /// One of our own came.
    @inline(__always)
    package mutating func received(_ deliveryTag: UInt64) { self.lastTag = deliveryTag }
}
