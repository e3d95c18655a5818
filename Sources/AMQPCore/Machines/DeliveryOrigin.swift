/// Tells a channel's own deliveries from those of its number's last life.
///
/// RabbitMQ may still send deliveries of a channel that failed after it has answered the opening of the next one with
/// the same number (C37). Their acks would cost the new channel, or settle another message.
///
/// What tells them apart is the consumer: give consumers of one connection different tags, as those that the broker
/// makes up are.
package struct DeliveryOrigin: Equatable, Sendable {
    /// Whether another channel had the number before, on this connection.
    private let isReused: Bool
    private var consumers: ContiguousArray<[UInt8]> = []
    /// The tag of the last message that came, also by basic.get; 0 before the first.
    package private(set) var lastTag: UInt64 = 0

    package init(isReused: Bool) { self.isReused = isReused }

    package mutating func consumeOkReceived(_ consumerTag: String) { self.consumers.append(Array(consumerTag.utf8)) }

    /// Whether everything that comes is its own: no other channel had the number.
    @inline(__always)
    package var hasNoPast: Bool { !self.isReused }

    /// Whether a delivery is this channel's: of one of its consumers, and next in the count.
    package func isOwn(_ deliveryTag: UInt64, consumerTag: UnsafeRawBufferPointer) -> Bool {
        if self.hasNoPast { return true }
        return deliveryTag == self.lastTag &+ 1 && self.consumers.contains { $0.elementsEqual(consumerTag) }
    }

    /// Whether this consumer is one of an earlier life.
    package func isStray(consumerTag: String) -> Bool {
        self.isReused && !self.consumers.contains { $0.elementsEqual(consumerTag.utf8) }
    }

    /// One of our own came.
    @inline(__always)
    package mutating func received(_ deliveryTag: UInt64) { self.lastTag = deliveryTag }
}
