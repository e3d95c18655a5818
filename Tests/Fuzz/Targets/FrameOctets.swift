import AMQPWire

/// What a peer sends, as octets: good frames, and bad ones too.
enum FrameOctets {
    static func frame(_ type: UInt8, _ channel: UInt16, _ payload: some Collection<UInt8>, end: UInt8 = Frame.end)
        -> [UInt8]
    {
        var buffer = WireBuffer()
        buffer.append(type)
        buffer.appendUInt16(channel)
        buffer.appendUInt32(UInt32(payload.count))
        buffer.append(contentsOf: payload)
        buffer.append(end)
        return buffer.withUnsafeBytes { [UInt8]($0) }
    }

    /// Nothing at all for what can not be encoded.
    static func method(_ method: Method, _ channel: UInt16) -> [UInt8] {
        var buffer = WireBuffer()
        try? buffer.appendMethodFrame(method, channel: channel, frameMax: 1 << 20)
        return buffer.withUnsafeBytes { [UInt8]($0) }
    }

    static func header(_ channel: UInt16, bodyBytes: UInt64, _ properties: BasicProperties = BasicProperties())
        -> [UInt8]
    {
        var buffer = WireBuffer()
        try? ContentHeader(bodySize: bodyBytes, properties: properties).encode(into: &buffer)
        return buffer.withUnsafeBytes { Self.frame(Frame.header, channel, $0) }
    }

    static func content(
        _ method: Method,
        _ channel: UInt16,
        _ body: [UInt8],
        pieceBytes: Int,
        _ properties: BasicProperties = BasicProperties()
    ) -> [UInt8] {
        var octets = Self.method(method, channel)
        octets += Self.header(channel, bodyBytes: UInt64(body.count), properties)
        var sent = 0
        while sent < body.count {
            let next = min(sent + max(pieceBytes, 1), body.count)
            octets += Self.frame(Frame.body, channel, body[sent..<next])
            sent = next
        }
        return octets
    }
}
