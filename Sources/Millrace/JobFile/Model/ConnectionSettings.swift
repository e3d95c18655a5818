public import AMQPClient

/// The `connection` block: where the broker is and how the connection to it is kept.
public struct ConnectionSettings: Sendable, Equatable {
    /// The endpoints, tried in random order: `amqp://`, `amqps://`, or `embedded:` for the broker in this process.
    ///
    /// They may hold a password: do not log them.
    public var uris: [String]
    /// TLS for each `amqps://` endpoint; `nil` leaves it to the URIs.
    public var tls: TLSOptions?
    /// The heartbeat to ask for, in whole seconds: 30 s unless given, 0 s (none)…65,535 s.
    public var heartbeat: Duration
    /// The name the broker shows for this connection; `nil` lets the supervisor choose.
    public var name: String?
    /// How long one attempt at one endpoint may take; 10 s unless given, 100 ms…1 h.
    public var connectTimeout: Duration
    /// The waits between attempts after the connection is lost.
    public var recovery: RecoverySettings
    /// Where the block stands.
    public var location: SourceLocation

    /// Makes connection settings in code; nothing is checked.
    public init(
        uris: [String],
        tls: TLSOptions? = nil,
        heartbeat: Duration = .seconds(30),
        name: String? = nil,
        connectTimeout: Duration = .seconds(10),
        recovery: RecoverySettings = RecoverySettings(),
        location: SourceLocation
    ) {
        self.uris = uris
        self.tls = tls
        self.heartbeat = heartbeat
        self.name = name
        self.connectTimeout = connectTimeout
        self.recovery = recovery
        self.location = location
    }

    /// What one of the URIs means, with the `tls` block.
    ///
    /// - Throws: `.invalidSettings` that says which part is wrong, without the password.
    public func endpoint(_ uri: String) throws(AMQPError) -> Endpoint {
        var endpoint = try Endpoint(uri: uri)
        if endpoint.tls != nil, let tls = self.tls { endpoint.tls = tls }
        return endpoint
    }
}
