public import AMQPWire

/// One message as received on a channel, by `basic.deliver` or `basic.get`.
///
/// It keeps the memory it was read into alive, so a delivery kept for long should be copied out.
public struct Delivery: Sendable {
    package let block: Block
    package let record: ContentRecord
    /// Of the channel that it came on, and can be settled on (C53, C54); nil for one that nobody settles.
    let line: AckLine?

    /// - Parameters:
    ///   - block: The memory that it was read into.
    ///   - record: Where in it.
    ///   - line: Of the channel that it came on; nil for one that is looked at alone.
    package init(block: Block, record: ContentRecord, line: AckLine? = nil) {
        self.block = block
        self.record = record
        self.line = line
    }

    /// - Parameter method: What was to be sent for it, somewhere else than on its channel.
    /// - Throws: `.refusedLocally` if that channel is open: dropped quietly, it would never be settled.
    package func throwIfOpenElsewhere(_ method: MethodID? = nil) throws(AMQPError) {
        guard let line = self.line, !line.hasEnded else { return }
        let text = "the delivery came on channel \(line.number), which is open: it is settled there, by its thread"
        throw AMQPError(.refusedLocally, scope: .call, text: text, method: method)
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
    /// What is not UTF-8 in them reads as `U+FFFD`; ``exchangeOctets`` and ``routingKeyOctets`` are as they came.
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

    /// The exchange it was published to, as its name came.
    public var exchangeOctets: [UInt8] { self.addressOctets.exchange }

    /// The key it was published with, as it came.
    public var routingKeyOctets: [UInt8] { self.addressOctets.routingKey }

    private var addressOctets: (exchange: [UInt8], routingKey: [UInt8]) {
        var reader = WireReader(self.block.slice(self.record.methodOffset, self.record.methodLength))
        do throws(WireError) {
            try reader.skip(2)
            let isGot = try reader.readUInt16() == MethodID.basicGetOk.methodID
            if !isGot { _ = try reader.readShortStringBytes() }
            try reader.skip(9)  // delivery tag, redelivered
            return ([UInt8](try reader.readShortStringBytes()), [UInt8](try reader.readShortStringBytes()))
        } catch {
            return ([], [])
        }
    }

    /// The message's properties, decoded at each call.
    ///
    /// What is odd in them is kept as it came, and costs the others nothing: see `BasicProperties` and `FieldTable`.
    ///
    /// - Throws: A `WireError` if octets are missing; ``legibleProperties`` gives what is there.
    public var properties: BasicProperties {
        get throws(WireError) {
            var reader = WireReader(self.block.slice(self.record.headerOffset, self.record.headerLength))
            try reader.skip(12)  // class, weight, body size: read when the content was put together
            return try BasicProperties(from: &reader)
        }
    }

    /// The message's properties as far as they can be read, decoded at each call.
    public var legibleProperties: BasicProperties {
        BasicProperties(salvaging: self.block.slice(self.record.headerOffset, self.record.headerLength))
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
