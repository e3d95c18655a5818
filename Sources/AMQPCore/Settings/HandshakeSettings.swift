package import AMQPWire

/// What the client brings to the handshake.
package struct HandshakeSettings: Equatable, Sendable {
    package var user: String
    package var password: String
    package var virtualHost: String
    /// In our order of preference.
    package var mechanisms: [LoginMechanism]
    package var clientProperties: FieldTable
    /// Upper bounds of ours: channels, octets, seconds; 0 is no bound of ours.
    package private(set) var channelMax: Int
    package private(set) var frameMax: Int
    package private(set) var heartbeatSeconds: Int

    package init(
        user: String,
        password: String,
        virtualHost: String,
        mechanisms: [LoginMechanism] = [.plain, .amqplain],
        clientProperties: FieldTable = FieldTable(),
        channelMax: Int = 0,
        frameMax: Int = 131_072,
        heartbeatSeconds: Int = 30
    ) {
        self.user = user
        self.password = password
        self.virtualHost = virtualHost
        self.mechanisms = mechanisms
        self.clientProperties = clientProperties
        // What tune-ok can carry, and no frame size that RabbitMQ refuses (C9), whatever was asked for.
        self.channelMax = Int(UInt16(clamping: channelMax))
        self.frameMax = frameMax <= 0 ? 0 : min(max(frameMax, Frame.rabbitMQMinSize), Int(UInt32.max))
        self.heartbeatSeconds = Int(UInt16(clamping: heartbeatSeconds))
    }
}
