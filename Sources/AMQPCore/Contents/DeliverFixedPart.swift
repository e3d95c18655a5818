import AMQPWire

/// The tag and the flag of a `basic.deliver`, read once through one bounds check; its strings stay where they are.
///
/// It is nil unless the strings' lengths add up to the payload's end, so that whoever looks at them later may trust
/// them.
struct DeliverFixedPart {
    let deliveryTag: UInt64
    let redelivered: Bool

    @inline(__always)
    init?(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) {
        guard end - start > 4 else { return nil }
        let tag = start + 5 + Int(bytes[start + 4])
        guard tag + 11 <= end else { return nil }
        let exchange = tag + 9
        let routingKey = exchange + 1 + Int(bytes[exchange])
        guard routingKey < end, routingKey + 1 + Int(bytes[routingKey]) == end else { return nil }
        self.deliveryTag = bytes.bigEndian64(tag)
        self.redelivered = bytes[tag + 8] & 1 == 1
    }
}

/// The strings of a checked `basic.deliver`, as octets in its block.
package struct DeliverStrings {
    package let consumerTag: UnsafeRawBufferPointer
    package let exchange: UnsafeRawBufferPointer
    package let routingKey: UnsafeRawBufferPointer

    /// - Parameter method: The payload of a delivery's method as the reader has checked it.
    @inline(__always)
    package init(_ method: UnsafeRawBufferPointer) {
        let tag = 5 + Int(method[4])
        let exchange = tag + 9
        let routingKey = exchange + 1 + Int(method[exchange])
        self.consumerTag = UnsafeRawBufferPointer(rebasing: method[5..<tag])
        self.exchange = UnsafeRawBufferPointer(rebasing: method[exchange + 1..<routingKey])
        self.routingKey = UnsafeRawBufferPointer(rebasing: method[routingKey + 1..<method.count])
    }
}
