import AMQPBroker
import AMQPBrokerServer
import AMQPCore
public import Millrace

/// The broker in this process that `connection: { uri: embedded }` asks for.
///
/// `millrace` has it. A supervisor of one's own is given it with its options:
///
///     options.startBroker = EmbeddedBrokerServer.start
public struct EmbeddedBrokerServer: InProcessBroker {
    private let server: BrokerServer
    private let virtualHosts: [String]
    /// Whose behaviour it has.
    public let kind: String

    /// For `SupervisorOptions.startBroker`: a broker on the loopback interface, in memory.
    ///
    /// Blocks until it listens, a few milliseconds.
    ///
    /// - Throws: What the system says of the port, or that it is none of the releases there are.
    @available(*, noasync, message: "it blocks its thread")
    public static func start(_ settings: EmbeddedSettings) throws -> any InProcessBroker {
        guard let profile = Profile.of(settings.release) else { throw UnknownRelease(release: settings.release) }
        var broker = BrokerSettings(profile: profile)
        broker.memoryLimit = settings.memory
        let (made, port) = (broker, settings.port)
        return EmbeddedBrokerServer(
            server: try Await.result { try await BrokerServer.start(made, at: .tcp(host: "127.0.0.1", port: port)) },
            virtualHosts: made.virtualHosts,
            kind: "RabbitMQ \(profile.version)"
        )
    }

    private init(server: BrokerServer, virtualHosts: [String], kind: String) {
        self.server = server
        self.virtualHosts = virtualHosts
        self.kind = kind
    }

    /// The port of the loopback interface that it listens on.
    public var port: Int { self.server.port }

    /// How many messages each of its queues holds, in hand or not, by name.
    @available(*, noasync, message: "it blocks its thread")
    public func messages() -> [(queue: String, count: Int)] {
        let (server, hosts) = (self.server, self.virtualHosts)
        let views = try? Await.result {
            try await server.with { broker, _ in hosts.flatMap { broker.queues(in: $0) } }
        }
        return (views ?? []).map { ($0.name, $0.ready + $0.unacked) }
    }

    /// Closes its sockets; what it held is gone.
    @available(*, noasync, message: "it blocks its thread")
    public func stop() {
        let server = self.server
        _ = try? Await.result { await server.stop() }
    }
}

/// No release whose behaviour is known.
private struct UnknownRelease: Error, CustomStringConvertible {
    let release: String
    var description: String { "the embedded broker does not know RabbitMQ \(self.release)" }
}
