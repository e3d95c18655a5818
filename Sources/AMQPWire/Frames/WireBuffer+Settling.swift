// The frames a worker sends once per delivery: 21 octets each, written with plain stores after one bounds check.
extension WireBuffer {
    /// Appends `basic.ack`.
    ///
    /// Never fails: it fits in every frame-max.
    ///
    /// - Parameters:
    ///   - channel: The channel's number.
    ///   - deliveryTag: The tag of the delivery.
    ///   - multiple: Whether every delivery up to the tag is meant.
    @inlinable
    public mutating func appendAck(channel: UInt16, deliveryTag: UInt64, multiple: Bool) {
        self.appendSettling(80, channel, deliveryTag, multiple ? 1 : 0)
    }

    /// Appends `basic.nack`.
    ///
    /// Never fails: it fits in every frame-max.
    ///
    /// - Parameters:
    ///   - channel: The channel's number.
    ///   - deliveryTag: The tag of the delivery.
    ///   - multiple: Whether every delivery up to the tag is meant.
    ///   - requeue: Whether the broker keeps the message; if not, it is dead-lettered or dropped.
    @inlinable
    public mutating func appendNack(channel: UInt16, deliveryTag: UInt64, multiple: Bool, requeue: Bool) {
        self.appendSettling(120, channel, deliveryTag, (multiple ? 1 : 0) | (requeue ? 2 : 0))
    }

    /// Appends `basic.reject`.
    ///
    /// Never fails: it fits in every frame-max.
    ///
    /// - Parameters:
    ///   - channel: The channel's number.
    ///   - deliveryTag: The tag of the delivery.
    ///   - requeue: Whether the broker keeps the message; if not, it is dead-lettered or dropped.
    @inlinable
    public mutating func appendReject(channel: UInt16, deliveryTag: UInt64, requeue: Bool) {
        self.appendSettling(90, channel, deliveryTag, requeue ? 1 : 0)
    }

    @inlinable
    mutating func appendSettling(_ method: UInt32, _ channel: UInt16, _ tag: UInt64, _ bits: UInt8) {
        let frame = self.extend(by: 21)
        frame.storeBytes(of: Frame.method, as: UInt8.self)
        frame.storeBytes(of: channel.bigEndian, toByteOffset: 1, as: UInt16.self)
        frame.storeBytes(of: UInt32(13).bigEndian, toByteOffset: 3, as: UInt32.self)
        frame.storeBytes(of: (60 << 16 | method).bigEndian, toByteOffset: 7, as: UInt32.self)
        frame.storeBytes(of: tag.bigEndian, toByteOffset: 11, as: UInt64.self)
        frame.storeBytes(of: bits, toByteOffset: 19, as: UInt8.self)
        frame.storeBytes(of: Frame.end, toByteOffset: 20, as: UInt8.self)
    }
}
