import AMQPWire

/// What clients say, as octets.
enum Octets {
    static func method(_ method: some AMQPMethod, _ channel: UInt16) throws -> [UInt8] {
        try Self.of { try $0.appendMethodFrame(method, channel: channel, frameMax: 4096) }
    }

    static func acks(_ tags: ClosedRange<UInt64>) -> [UInt8] {
        Self.of { buffer in for tag in tags { buffer.appendAck(channel: 1, deliveryTag: tag, multiple: false) } }
    }

    /// A message for the queue `jobs`.
    static func publish(_ body: [UInt8]) throws -> [UInt8] {
        try body.withUnsafeBytes { body in
            try Self.of {
                try $0.appendContentFrames(
                    BasicPublish(routingKey: "jobs"),
                    properties: BasicProperties(contentType: "application/octet-stream", deliveryMode: 2),
                    body: body,
                    channel: 1,
                    frameMax: 131_072
                )
            }
        }
    }

    /// All from a client's first octet to its channel 1 and the queue `jobs`; nothing in it waits for an answer.
    static func start() throws -> [UInt8] {
        try Frame.protocolHeader
            + Self.method(ConnectionStartOk(mechanism: "PLAIN", response: Array("\0guest\0guest".utf8)), 0)
            + Self.method(ConnectionTuneOk(channelMax: 2047, frameMax: 131_072, heartbeat: 0), 0)
            + Self.method(ConnectionOpen(virtualHost: "/"), 0) + Self.method(ChannelOpen(), 1)
            + Self.method(QueueDeclare(queue: "jobs"), 1)
    }

    private static func of(_ write: (inout WireBuffer) throws -> Void) rethrows -> [UInt8] {
        var buffer = WireBuffer()
        try write(&buffer)
        return buffer.withUnsafeBytes { [UInt8]($0) }
    }
}
