public import AMQPWire

/// One message as received on a channel, by `basic.deliver` or `basic.get`.
///
/// It keeps the memory it was read into alive, so a delivery kept for long should be copied out.
public struct Delivery: Sendable {
    package let block: Block
    package let record: ContentRecord
    /// The channel incarnation it belongs to: a delivery of a dead channel can never be acked on its successor (C54).
    package let incarnation: UInt64

    package init(block: Block, record: ContentRecord, incarnation: UInt64) {
        self.block = block
        self.record = record
        self.incarnation = incarnation
    }

    /// Counts from 1 on each channel (C53).
    public var deliveryTag: UInt64 { self.record.deliveryTag }

    /// Whether the broker gave it out before; a hint only (C58).
    public var redelivered: Bool { self.record.redelivered }

    /// Octets of the body.
    public var bodyByteCount: Int { Int(self.record.bodyLength) }

    /// Calls `body` with the message's octets, which are valid during the call only.
    public func withBody<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(self.block.slice(self.record.bodyOffset, self.record.bodyLength))
    }

    /// A copy of the body.
    public var body: [UInt8] { self.withBody { [UInt8]($0) } }

    /// Consumer tag, exchange and routing key; the consumer tag is empty for a message of `basic.get`.
    ///
    /// - Throws: A `WireError` if the broker's method is malformed.
    public var envelope: Envelope {
        get throws(WireError) {
            var reader = WireReader(self.block.slice(self.record.methodOffset, self.record.methodLength))
            let classID = try reader.readUInt16()
            let methodID = try reader.readUInt16()
            let id = MethodID(classID: classID, methodID: methodID)
            if id == .basicDeliver {
                let deliver = try BasicDeliver(from: &reader)
                return Envelope(
                    consumerTag: deliver.consumerTag,
                    exchange: deliver.exchange,
                    routingKey: deliver.routingKey
                )
            }
            let got = try BasicGetOk(from: &reader)
            return Envelope(consumerTag: "", exchange: got.exchange, routingKey: got.routingKey)
        }
    }

    /// The message's properties, decoded at each call.
    ///
    /// - Throws: A `WireError` if the header is malformed.
    public var properties: BasicProperties {
        get throws(WireError) {
            var reader = WireReader(self.block.slice(self.record.headerOffset, self.record.headerLength))
            try reader.skip(12)  // class, weight, body size: read when the content was put together
            return try BasicProperties(from: &reader)
        }
    }
}

/// Where a delivery came from.
public struct Envelope: Sendable, Equatable {
    /// The consumer it was sent to.
    public let consumerTag: String
    /// The exchange it was published to; empty for the default exchange.
    public let exchange: String
    /// The key it was published with.
    public let routingKey: String

    package init(consumerTag: String, exchange: String, routingKey: String) {
        self.consumerTag = consumerTag
        self.exchange = exchange
        self.routingKey = routingKey
    }
}
