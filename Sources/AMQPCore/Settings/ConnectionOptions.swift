public import AMQPWire

/// How a connection is opened and kept.
///
/// ``Connection/connect(to:options:on:logger:delegate:)`` throws `.invalidSettings` for a number out of its range.
public struct ConnectionOptions: Sendable {
    /// Shown by the broker in its list of connections.
    public var name: String
    /// The heartbeat interval in whole seconds, 0...65,535: the smaller one of both sides counts; 0 switches heartbeats
    /// off (C7).
    public var heartbeatSeconds: Int
    /// The one deadline over connect, login and open (C11).
    public var connectTimeout: Duration
    /// The deadline of each request; the channel is closed when it passes (C63).
    public var requestTimeout: Duration
    /// Our upper bound of the frame size in octets, 8,192...2,147,483,647 (C9); 0 takes the server's.
    public var frameMax: Int
    /// Our upper bound of open channels, 0...65,535; 0 takes the server's.
    public var channelMax: Int
    /// The largest body that is taken in, in octets, 0...4,294,967,295; a larger one ends the connection.
    public var bodyByteLimit: Int
    /// The largest content header that is taken in, in octets, 0...268,435,456, whatever ``frameMax`` is; a larger one ends
    /// the connection.
    ///
    /// RabbitMQ holds no content header to the frame size when it delivers: what it adds to a legal message, such as
    /// `x-death`, can push it over. 4 MiB hold what the largest header of a default broker, 128 KiB, can become in
    /// thousands of deaths. Headers that we send always fit a frame.
    public var headerByteLimit: Int
    /// Publishers wait while more octets than this, 0 or more, are queued for the socket.
    public var outboxHighWater: Int
    /// More entries for the broker's list of client properties.
    public var clientProperties: FieldTable

    /// The defaults.
    public init(
        name: String = "millrace",
        heartbeatSeconds: Int = 30,
        connectTimeout: Duration = .seconds(10),
        requestTimeout: Duration = .seconds(30),
        frameMax: Int = 131_072,
        channelMax: Int = 0,
        bodyByteLimit: Int = 512 << 20,
        headerByteLimit: Int = 4 << 20,
        outboxHighWater: Int = 8 << 20,
        clientProperties: FieldTable = FieldTable()
    ) {
        self.name = name
        self.heartbeatSeconds = heartbeatSeconds
        self.connectTimeout = connectTimeout
        self.requestTimeout = requestTimeout
        self.frameMax = frameMax
        self.channelMax = channelMax
        self.bodyByteLimit = bodyByteLimit
        self.headerByteLimit = headerByteLimit
        self.outboxHighWater = outboxHighWater
        self.clientProperties = clientProperties
    }

    /// With what the endpoint has set of its own.
    package func applying(_ endpoint: Endpoint) -> ConnectionOptions {
        var options = self
        options.heartbeatSeconds = endpoint.heartbeatSeconds ?? self.heartbeatSeconds
        options.connectTimeout = endpoint.connectTimeout ?? self.connectTimeout
        options.channelMax = endpoint.channelMax ?? self.channelMax
        options.frameMax = endpoint.frameMax ?? self.frameMax
        return options
    }

    package func handshake(_ endpoint: Endpoint) -> HandshakeSettings {
        var properties: FieldTable = [
            "product": "Millrace",
            "platform": "Swift",
            "information": "AMQP 0-9-1 client",
            "connection_name": .string(self.name),
            "capabilities": .table([
                "authentication_failure_close": true,
                "consumer_cancel_notify": true,
                "connection.blocked": true,
                "basic.nack": true,
                "publisher_confirms": true,
                "exchange_exchange_bindings": true,
            ]),
        ]
        for entry in self.clientProperties.entries { properties[entry.key] = entry.value }
        return HandshakeSettings(
            user: endpoint.user,
            password: endpoint.password,
            virtualHost: endpoint.virtualHost,
            mechanisms: endpoint.mechanisms,
            clientProperties: properties,
            channelMax: self.channelMax,
            frameMax: self.frameMax,
            heartbeatSeconds: self.heartbeatSeconds
        )
    }
}
