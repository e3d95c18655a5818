public import AMQPCore
public import AMQPWire
import Synchronization

/// A message that an ``AsyncDeliveries`` gave out; any task may settle it, once.
///
/// Settling waits for nothing: the frame goes out with the next round of the sequence's thread. If the connection has ended
/// meanwhile it is dropped, and the broker gives the message out again.
public final class AsyncDelivery: Sendable {
    /// As it was received.
    public let delivery: Delivery
    private let source: AsyncDeliveries
    private let isSettled = Atomic<Bool>(false)

    init(_ delivery: Delivery, _ source: AsyncDeliveries) {
        self.delivery = delivery
        self.source = source
    }

    /// A copy of the body.
    public var body: [UInt8] { self.delivery.body }
    /// The message's properties as far as they can be read, decoded at each call.
    public var properties: BasicProperties { self.delivery.legibleProperties }
    /// Whether the broker gave it out before; a hint only.
    public var redelivered: Bool { self.delivery.redelivered }

    /// Acknowledges it.
    ///
    /// - Throws: `.refusedLocally` if it is settled already.
    public func ack() throws(AMQPError) { try self.settle(.ack) }

    /// Gives it back, which new brokers do not count as a failure.
    ///
    /// - Parameter requeue: Whether the queue gives it out again; else it goes to the queue's dead-letter target.
    /// - Throws: `.refusedLocally` if it is settled already.
    public func nack(requeue: Bool = true) throws(AMQPError) { try self.settle(.nack(requeue: requeue)) }

    /// Refuses it: without `requeue` it goes to the queue's dead-letter target.
    ///
    /// - Parameter requeue: Whether the queue gives it out again.
    /// - Throws: `.refusedLocally` if it is settled already.
    public func reject(requeue: Bool = false) throws(AMQPError) { try self.settle(.reject(requeue: requeue)) }

    enum Settling: Sendable {
        case ack
        case nack(requeue: Bool)
        case reject(requeue: Bool)
    }

    private func settle(_ settling: Settling) throws(AMQPError) {
        guard !self.isSettled.exchange(true, ordering: .relaxed) else {
            throw AMQPError(.refusedLocally, scope: .call, text: "the delivery is settled already")
        }
        self.source.settle(self.delivery, settling)
    }
}
