import AMQPClient
import AMQPWire

/// A delivery after its handler, or without one: what is needed to copy it.
struct HeldDelivery: OutletInput {
    let record: ContentRecord
    let bytes: UnsafeRawBufferPointer
    /// Keeps `bytes`; nil while somebody else does.
    let owner: AnyObject?

    var tag: UInt64? { self.record.deliveryTag }

    private func slice(_ offset: UInt32, _ length: UInt32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self.bytes[Int(offset)..<Int(offset) + Int(length)])
    }

    /// Valid while its octets are kept.
    var strings: DeliverStrings { DeliverStrings(self.slice(self.record.methodOffset, self.record.methodLength)) }

    private var header: UnsafeRawBufferPointer { self.slice(self.record.headerOffset, self.record.headerLength) }

    /// What is odd in them is kept as it came, so that a copy carries it on.
    var properties: BasicProperties { BasicProperties(salvaging: self.header) }

    /// class, weight, size: 12 octets; then the flags, of which bit 13 says that there are headers (AMQP 0-9-1 §4.2.6.1).
    @inline(__always)
    static func hasHeaders(_ header: UnsafeRawBufferPointer) -> Bool { header.count > 14 && header[12] & 0x20 != 0 }

    /// Whether it may be a copy of ours, by its octets; nothing is decoded.
    static func mayBeCopy(_ header: UnsafeRawBufferPointer) -> Bool {
        Self.hasHeaders(header) && header.contains("millrace-")
    }

    /// The attempt that its own header counts, from 1.
    func attempt(at queue: String, _ seal: CopySeal) -> Int {
        guard Self.mayBeCopy(self.header) else { return 1 }
        let properties = self.properties
        return seal.isOurs(properties) ? MessageCopy.attempt(properties.headers, at: queue) : 1
    }

    /// In pieces, to be copied.
    ///
    /// - Parameters:
    ///   - seal: What tells our copies from other messages.
    ///   - queue: Where it was consumed from.
    /// - Returns: The message as it came.
    func original(_ seal: CopySeal, from queue: String) -> Original {
        let strings = self.strings
        let properties = self.properties
        let headers = Self.mayBeCopy(self.header) && seal.isOurs(properties) ? properties.headers : nil
        let key = Array(strings.routingKey)
        return Original(
            deliveryTag: self.record.deliveryTag,
            queue: queue,
            exchange: Array(strings.exchange),
            routingKey: key,
            firstKey: headers?[JobHeaders.routingKey]?.textOctets ?? key,
            properties: properties,
            body: Array(self.slice(self.record.bodyOffset, self.record.bodyLength)),
            deaths: MessageDeaths(headers)
        )
    }
}
