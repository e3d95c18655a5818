public import AMQPCore

/// The `connection` block: where the broker is and how the connection to it is kept.
public struct ConnectionSettings: Sendable, Equatable {
    /// The endpoints, tried in random order: `amqp://` or `amqps://`; or `embedded` alone, see ``embedded``.
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
    /// Whether the outputs of handlers share the connection or have one of their own; shared unless given.
    public var publishing: PublishingConnection
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
        publishing: PublishingConnection = .shared,
        recovery: RecoverySettings = RecoverySettings(),
        location: SourceLocation
    ) {
        self.uris = uris
        self.tls = tls
        self.heartbeat = heartbeat
        self.name = name
        self.connectTimeout = connectTimeout
        self.publishing = publishing
        self.recovery = recovery
        self.location = location
    }

    /// The brokers, without those whose URI can not be used.
    ///
    /// - Parameter refused: Gets the reason of each of those.
    /// - Returns: In the file's order.
    package func endpoints(refused: (AMQPError) -> Void = { _ in }) -> [Endpoint] {
        self.uris.compactMap { uri in
            do throws(AMQPError) {
                return try self.endpoint(uri)
            } catch {
                refused(error)
                return nil
            }
        }
    }

    /// What one of the URIs means, with the `tls` block.
    ///
    /// - Throws: `.invalidSettings` that says which part is wrong, without the password.
    public func endpoint(_ uri: String) throws(AMQPError) -> Endpoint {
        if EmbeddedSettings.isMeant(by: uri) {
            throw AMQPError(
                .invalidSettings,
                scope: .connection,
                text: "the embedded broker is inside the supervisor that runs, which knows its port"
            )
        }
        var endpoint = try Endpoint(uri: uri)
        if endpoint.tls != nil, let tls = self.tls { endpoint.tls = tls }
        return endpoint
    }
}

/// Which connection the outputs of handlers travel on.
public enum PublishingConnection: String, Sendable, CaseIterable {
    /// The one that everything travels on.
    ///
    /// While the broker has a memory or disk alarm it reads nothing from it once a handler has published, acks included.
    case shared
    /// A second connection, opened for outputs alone: during an alarm deliveries and acks go on.
    case separate
}
