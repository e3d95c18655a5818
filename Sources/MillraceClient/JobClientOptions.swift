public import AMQPClient

/// How a ``JobClient`` connects and publishes.
public struct JobClientOptions: Sendable {
    /// How to connect; its name is what operators see.
    public var connection: ConnectionOptions
    /// The waits between attempts.
    public var recovery: RecoverySettings
    /// How many messages may be on their way, and how long a call waits.
    public var publishing: PublisherOptions
    /// How long the end of the service waits for answers to what is on its way.
    public var shutdownTimeout: Duration
    /// Who the client is for the broker, for delays; nil is the user of the endpoint.
    ///
    /// To be given where a certificate says who logs in.
    public var user: String?

    /// The defaults: 1,000 messages on their way, 30 s for a call, 10 s for the end.
    public init(
        connection: ConnectionOptions = ConnectionOptions(name: "millrace client"),
        recovery: RecoverySettings = RecoverySettings(),
        publishing: PublisherOptions = PublisherOptions(),
        shutdownTimeout: Duration = .seconds(10),
        user: String? = nil
    ) {
        self.connection = connection
        self.recovery = recovery
        self.publishing = publishing
        self.shutdownTimeout = shutdownTimeout
        self.user = user
    }
}
