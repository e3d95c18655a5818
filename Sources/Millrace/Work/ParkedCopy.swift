import AMQPClient
import AMQPWire

/// A copy on its way to a delay queue or a dead-letter target, and the input that is acked when the broker has it.
///
/// Why: record 4, copies not rejects.
struct ParkedCopy {
    let deliveryTag: UInt64
    /// The one that its original was consumed from.
    let queue: String
    /// What the input counts as once the copy is confirmed.
    let settlement: Settlement
    let address: CopyAddress
    /// Until the broker has it: it may have to be published again.
    let body: [UInt8]
    let properties: BasicProperties
    /// The same without what failed, for headers that leave no room in a frame.
    let briefProperties: BasicProperties

    /// - Parameters:
    ///   - original: What is copied.
    ///   - order: What for.
    ///   - place: Where to.
    ///   - seal: What tells our copies from other messages.
    init(of original: Original, _ order: CopyOrder, to place: CopyPlace, seal: CopySeal) {
        func properties(_ note: FailureNote?) -> BasicProperties {
            var properties = MessageCopy.properties(
                of: original.properties,
                attempt: order.attempt,
                origin: (FieldValue(textOctets: original.exchange), FieldValue(textOctets: original.routingKey)),
                note: note,
                seal: seal
            )
            var headers = properties.headers ?? FieldTable()
            place.delay?.write(to: &headers)
            if order.target == .deadLetter { MessageDeaths.add(original.queue, to: &headers) }
            properties.headers = headers
            return properties
        }
        self.deliveryTag = original.deliveryTag
        self.queue = original.queue
        self.settlement = order.settlement
        self.address = place.address
        self.body = original.body
        self.properties = properties(order.note)
        self.briefProperties = order.note == nil ? self.properties : properties(nil)
    }
}
