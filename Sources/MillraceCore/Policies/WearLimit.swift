/// When a queue without a dead-letter target drops a message.
package struct WearLimit: Equatable, Sendable {
    /// Deliveries in vain.
    package let count: Int64
    /// Whether the file asks for it: then the message is a dead letter, and else it counts from the beginning.
    package let isWanted: Bool

    /// What RabbitMQ 4 takes unless told otherwise.
    private static let usual: Int64 = 20
    /// Half of it: the broker may have given the message out again by the time that a copy is there.
    package static let ofUnknownQueue = Self.usual / 2

    /// - Returns: Nil for a queue that drops nothing for that reason.
    package init?(_ queue: QueueDefinition?) {
        guard let queue else {
            self.init(count: Self.ofUnknownQueue, isWanted: false)
            return
        }
        guard queue.deadLetter == nil, queue.type != .classic,
            queue.deliveryLimit != QueueDefinition.unlimitedDeliveries
        else { return nil }
        if let limit = queue.deliveryLimit {
            self.init(count: Int64(limit), isWanted: true)
        } else {
            self.init(count: Self.ofUnknownQueue, isWanted: false)
        }
    }

    private init(count: Int64, isWanted: Bool) {
        self.count = count
        self.isWanted = isWanted
    }
}
