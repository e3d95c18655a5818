/// A broker in the supervisor's own process, for `connection: { uri: embedded }`, as the supervisor sees it.
///
/// The target `MillraceEmbedded` has the one there is; a program that does not link it has none, and says so.
public protocol InProcessBroker: Sendable {
    /// The port of the loopback interface that it listens on.
    var port: Int { get }
    /// Whose behaviour it has, for people: `RabbitMQ 3.10.8`.
    var kind: String { get }
    /// How many messages each of its queues holds, in hand or not, by name; for the end, when nobody wants more of it.
    ///
    /// Blocks for a moment.
    func messages() -> [(queue: String, count: Int)]
    /// Closes its sockets; what it held is gone.
    ///
    /// Blocks for a moment.
    func stop()
}

/// What starts a broker in this process; throws what the system says of its port.
public typealias InProcessBrokerStart = @Sendable (EmbeddedSettings) throws -> any InProcessBroker
