import AMQPWire

/// A step of a script: what one client does.
struct ScriptStep: Sendable, CustomStringConvertible {
    /// A method, with its content if it has one.
    struct Part: Sendable {
        var method: Method
        var properties = BasicProperties()
        var body: [UInt8] = []
    }
    enum Action: Sendable {
        case send([Part])
        /// Milliseconds pass.
        case wait(UInt64)
        /// The client's socket is cut, and it connects anew.
        case cut
    }
    let connection: Int
    let channel: UInt16
    let action: Action

    var description: String {
        switch self.action {
        case .wait(let milliseconds): return "\(milliseconds) ms pass"
        case .cut: return "connection \(self.connection) is cut"
        case .send(let parts):
            let texts = parts.map { part in
                part.method.id == .basicPublish
                    ? "\(part.method) \(part.body) \(part.properties)" : "\(part.method)"
            }
            return "connection \(self.connection), channel \(self.channel): \(texts.joined(separator: "; "))"
        }
    }

    /// What is sent.
    func octets() throws -> [UInt8] {
        guard case .send(let parts) = self.action else { return [] }
        return try parts.flatMap { part in
            guard case .basicPublish(let publish) = part.method else {
                return try Wire.method(part.method, on: self.channel)
            }
            return try Wire.content(publish, part.properties, part.body, on: self.channel)
        }
    }
}

/// Frames as octets.
enum Wire {
    static func method(_ method: Method, on channel: UInt16) throws -> [UInt8] {
        var buffer = WireBuffer()
        try buffer.appendMethodFrame(method, channel: channel, frameMax: 1 << 20)
        return buffer.withUnsafeBytes { [UInt8]($0) }
    }

    static func content(
        _ publish: BasicPublish,
        _ properties: BasicProperties,
        _ body: [UInt8],
        on channel: UInt16
    ) throws -> [UInt8] {
        var buffer = WireBuffer()
        try body.withUnsafeBytes { bytes throws in
            try buffer.appendContentFrames(
                publish,
                properties: properties,
                body: bytes,
                channel: channel,
                frameMax: 8192
            )
        }
        return buffer.withUnsafeBytes { [UInt8]($0) }
    }

    /// From the first octet to an open virtual host, and channels 1 and 2.
    static func login(_ user: String, _ password: String) throws -> [[UInt8]] {
        let capabilities: FieldTable = [
            "authentication_failure_close": true, "consumer_cancel_notify": true, "connection.blocked": true,
        ]
        let start = ConnectionStartOk(
            clientProperties: ["product": "a script", "capabilities": .table(capabilities)],
            mechanism: "PLAIN",
            response: [0] + Array(user.utf8) + [0] + Array(password.utf8)
        )
        let tune = ConnectionTuneOk(channelMax: 2047, frameMax: 131_072, heartbeat: 0)
        return [
            Frame.protocolHeader, try self.method(.connectionStartOk(start), on: 0),
            try self.method(.connectionTuneOk(tune), on: 0)
                + self.method(.connectionOpen(ConnectionOpen(virtualHost: "/")), on: 0),
        ]
    }

    static func open(_ channel: UInt16) throws -> [UInt8] { try self.method(.channelOpen(ChannelOpen()), on: channel) }

    /// The answer to a close, and a new life for its channel.
    static func reopen(_ channel: UInt16) throws -> [UInt8] {
        try self.method(.channelCloseOk(ChannelCloseOk()), on: channel) + self.open(channel)
    }
}
