import AMQPClient
import AMQPWire

/// A copy on its way to a delay queue or a dead-letter target, and the input that is acked when the broker has it.
struct ParkedCopy {
    let deliveryTag: UInt64
    /// What the input counts as once the copy is confirmed.
    let settlement: Settlement
    let address: CopyAddress
    /// Until the broker has it: it may have to be published again.
    let body: [UInt8]
    let properties: BasicProperties
    /// The same without what failed, for headers that leave no room in a frame.
    let briefProperties: BasicProperties
}
