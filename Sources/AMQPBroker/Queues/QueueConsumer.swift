/// A channel of a connection.
package struct ChannelRef: Hashable, Sendable {
    package let connection: ConnectionID
    package let number: UInt16
}

/// Who takes messages of a queue.
struct QueueConsumer: Sendable {
    /// Of this consumer alone, for as long as the broker lives.
    let id: UInt64
    let channel: ChannelRef
    let tag: String
    /// The tag as it stands on the wire.
    let wireTag: [UInt8]
    let takesWithoutAck: Bool
    let isExclusive: Bool
    let priority: Int64
    /// How many deliveries may be out; 0 for any number.
    let limit: Int
    /// Milliseconds that it may hold a delivery, if it has said so itself.
    let timeout: UInt64?
    var inFlight = 0
    /// Deliveries without acks.
    var givenAway = 0

    init(
        id: UInt64,
        channel: ChannelRef,
        tag: String,
        takesWithoutAck: Bool,
        isExclusive: Bool,
        priority: Int64,
        limit: Int,
        timeout: UInt64?
    ) {
        self.id = id
        self.channel = channel
        self.tag = tag
        self.wireTag = ShortText.octets(tag)
        self.takesWithoutAck = takesWithoutAck
        self.isExclusive = isExclusive
        self.priority = priority
        self.limit = takesWithoutAck ? 0 : limit
        self.timeout = timeout
    }

    var hasRoom: Bool { self.limit == 0 || self.inFlight < self.limit }
}
