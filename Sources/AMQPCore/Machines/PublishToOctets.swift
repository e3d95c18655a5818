import AMQPWire

/// `basic.publish` to an exchange, and with a routing key, of any octets.
struct PublishToOctets: AMQPMethod {
    static var id: MethodID { BasicPublish.id }
    static var hasContent: Bool { BasicPublish.hasContent }

    var exchange: [UInt8]
    var routingKey: [UInt8]
    var mandatory: Bool

    init(exchange: [UInt8], routingKey: [UInt8], mandatory: Bool) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.mandatory = mandatory
    }

    init(from reader: inout WireReader) throws(WireError) {
        try reader.skip(2)  // reserved
        self.exchange = [UInt8](try reader.readShortStringBytes())
        self.routingKey = [UInt8](try reader.readShortStringBytes())
        self.mandatory = try reader.readUInt8() & 1 != 0
    }

    func encode(into buffer: inout WireBuffer) throws(WireError) {
        buffer.appendUInt16(0)  // reserved
        try buffer.appendShortString(octets: self.exchange)
        try buffer.appendShortString(octets: self.routingKey)
        buffer.append(self.mandatory ? 1 : 0)
    }
}
