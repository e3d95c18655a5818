package import AMQPWire

/// Frames as octets.
package enum Octets {
    package static func method(_ method: some AMQPMethod, on channel: UInt16) throws -> [UInt8] {
        var buffer = WireBuffer()
        try buffer.appendMethodFrame(method, channel: channel, frameMax: 1 << 20)
        return buffer.withUnsafeBytes { [UInt8]($0) }
    }

    package static func content(
        _ method: some AMQPMethod,
        _ body: [UInt8],
        on channel: UInt16,
        frameMax: Int = 8192,
        properties: BasicProperties = BasicProperties()
    ) throws -> [UInt8] {
        var buffer = WireBuffer()
        try body.withUnsafeBytes { bytes throws in
            try buffer.appendContentFrames(
                method,
                properties: properties,
                body: bytes,
                channel: channel,
                frameMax: frameMax
            )
        }
        return buffer.withUnsafeBytes { [UInt8]($0) }
    }

    package static func frame(_ type: UInt8, _ channel: UInt16, _ payload: [UInt8], end: UInt8 = 0xCE) -> [UInt8] {
        let size = UInt32(payload.count)
        return [
            type, UInt8(channel >> 8), UInt8(channel & 0xFF),
            UInt8(size >> 24), UInt8(size >> 16 & 0xFF), UInt8(size >> 8 & 0xFF), UInt8(size & 0xFF),
        ] + payload + [end]
    }
}
