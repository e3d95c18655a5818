public import AMQPWire

/// A mandatory publish that the broker could not route (AMQP 0-9-1 §1.8.3.9 `basic.return`, C49).
public struct ReturnedMessage: Sendable {
    /// 312 NO_ROUTE, on other brokers also 313 NO_CONSUMERS.
    public let code: AMQPError.Code
    /// The broker's words; what is not UTF-8 in them, and in the names, is `U+FFFD`.
    public let text: String
    /// Where it was published to.
    public let exchange: String
    /// With which key.
    public let routingKey: String
    /// As published, our sequence header included.
    public let properties: BasicProperties
    /// A copy of the body.
    public let body: [UInt8]
    /// Octets that it came in.
    let heldBytes: Int

    /// Carries the sequence number of a mandatory publish on a confirm channel, since basic.return has none.
    ///
    /// Why: record 3, sequence header.
    package static let sequenceHeader = "millrace-seq"

    /// Its sequence number on the confirm channel.
    package var sequence: UInt64? {
        guard case .int64(let value) = self.properties.headers?[Self.sequenceHeader] else { return nil }
        return UInt64(exactly: value)
    }

    init?(block: Block, record: ContentRecord) {
        var method = WireReader(block.slice(record.methodOffset, record.methodLength))
        do throws(WireError) {
            try method.skip(4)
            let returned = try BasicReturn(from: &method)
            self.properties = BasicProperties(salvaging: block.slice(record.headerOffset, record.headerLength))
            self.code = AMQPError.Code(returned.replyCode)
            self.text = returned.replyText
            self.exchange = returned.exchange
            self.routingKey = returned.routingKey
            self.body = [UInt8](block.slice(record.bodyOffset, record.bodyLength))
            self.heldBytes = Int(record.methodLength) + Int(record.headerLength) + Int(record.bodyLength)
        } catch {
            return nil
        }
    }
}
