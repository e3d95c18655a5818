import AMQPBroker
import AMQPBrokerServer
import AMQPClient
import AMQPWire
import Logging
import Millrace
import MillraceEmbedded
import TestSupport
import Testing

/// What a supervisor is given for `uri: embedded`.
@Suite(.timeLimit(.minutes(10))) struct EmbeddedBrokerServerTests {
    /// On a thread that may block.
    private func run(
        _ settings: EmbeddedSettings = EmbeddedSettings(),
        _ body: @escaping @Sendable (any InProcessBroker) throws -> Void
    ) async throws {
        try await OwnThread.run {
            let broker = try EmbeddedBrokerServer.start(settings)
            defer { broker.stop() }
            try body(broker)
        }
    }

    private static func connect(_ broker: any InProcessBroker) throws -> AMQPClient.Connection {
        try Broker.connect(to: Endpoint(host: "127.0.0.1", port: broker.port))
    }

    @Test func `each release that a job file may name is one that the broker knows, and the defaults are its own`() {
        for release in EmbeddedSettings.releases { #expect(Profile.of(release) != nil, "\(release)") }
        #expect(Profile.of(EmbeddedSettings().release) == BrokerSettings().profile)
    }

    @Test(arguments: EmbeddedSettings.releases)
    func `clients of this machine find it, it behaves as asked for, and says what its queues hold`(
        release: String
    ) async throws {
        try await self.run(EmbeddedSettings(release: release)) { broker in
            let connection = try Self.connect(broker)
            #expect(broker.kind == "RabbitMQ \(connection.serverProperties["version"]?.stringValue ?? "")")
            #expect(broker.kind.hasPrefix("RabbitMQ \(release)"))
            let channel = try connection.openChannel()
            try channel.selectConfirms()
            for queue in ["full", "in hand", "empty"] { _ = try channel.declareQueue(queue) }
            for queue in ["full", "full", "in hand"] { try channel.publish([1], routingKey: queue) }
            #expect(try channel.awaitConfirms().isEmpty)
            _ = try #require(try channel.get("in hand"))
            let held = broker.messages()
            #expect(held.map(\.queue) == ["empty", "full", "in hand"])
            #expect(held.map(\.count) == [0, 2, 1])
            connection.close()
        }
    }

    @Test func `a port that is taken is an error, and after the end it is free again`() async throws {
        try await self.run { broker in
            #expect(throws: (any Error).self) {
                _ = try EmbeddedBrokerServer.start(EmbeddedSettings(port: broker.port))
            }
            broker.stop()
            // A program that another test begins has all sockets of this process, until it is what it is to be.
            var next: (any InProcessBroker)?
            let isFree = Patience.sees {
                next = try? EmbeddedBrokerServer.start(EmbeddedSettings(port: broker.port))
                return next != nil
            }
            #expect(isFree)
            #expect(next?.port == broker.port)
            next?.stop()
        }
    }

    @Test func `a release that nobody knows is an error`() async throws {
        try await OwnThread.run {
            let error = #expect(throws: (any Error).self) {
                _ = try EmbeddedBrokerServer.start(EmbeddedSettings(release: "2.8"))
            }
            #expect(error.map { "\($0)" } == "the embedded broker does not know RabbitMQ 2.8")
        }
    }

    @Test func `who publishes is blocked when memory is full, and goes on when others have taken out`() async throws {
        try await self.run(EmbeddedSettings(memory: 1 << 20)) { broker in
            let (publisher, consumer) = (try Self.connect(broker), try Self.connect(broker))
            let out = try publisher.openChannel()
            _ = try out.declareQueue("q")
            // A third of a MiB each. A publish behind the alarm waits for its end: none waits for long here.
            let message = OutgoingMessage([UInt8](repeating: 7, count: 349_526), routingKey: "q")
            var sent = 0
            let isBlocked = try Patience.sees { () throws(AMQPError) in
                if publisher.isBlocked { return true }
                do throws(AMQPError) {
                    try out.publish(message, timeout: .milliseconds(50))
                    sent += 1
                } catch {
                    guard error.code == .timeout else { throw error }
                }
                return false
            }
            try #require(isBlocked)
            let channel = try consumer.openChannel()
            let held = try channel.declareQueue("q", passive: true).messageCount
            #expect((3...4).contains(held), "\(held) of \(sent)")
            #expect(!consumer.isBlocked, "who only takes is not blocked")
            for _ in 0..<sent {
                let isThere = try Patience.sees { try channel.get("q", noAck: true)?.body.count == 349_526 }
                try #require(isThere)
            }
            #expect(Patience.sees { !publisher.isBlocked })
            #expect(broker.messages().map(\.count) == [0])
            publisher.close()
            consumer.close()
        }
    }

    // MARK: A supervisor's

    @Test func `a program that has no broker in it says so, and what to do`() async throws {
        let status = try await OwnThread.run { try Self.supervisor(start: nil).run() }
        #expect(status == .configuration)
    }

    @Test func `a port that is taken ends the run: nobody waits for it`() async throws {
        try await self.run { broker in
            let supervisor = try Self.supervisor("embedded:\(broker.port)") { try EmbeddedBrokerServer.start($0) }
            #expect(supervisor.run() == .brokerUnavailable)
            #expect(supervisor.messagesAtEnd == nil)
        }
    }

    @Test func `a supervisor of one's own has it by its options, and its endpoint is the broker's`() async throws {
        try await OwnThread.run {
            var options = SupervisorOptions()
            options.startBroker = { try EmbeddedBrokerServer.start($0) }
            let supervisor = try Self.supervisor(start: options.startBroker)
            #expect(supervisor.startBroker() == nil)
            #expect(supervisor.startBroker() == nil, "it is there already")
            let status = supervisor.document(build: "").value.json
            #expect(status.contains("\"in_memory\":true,\"uri\":\"amqp://guest:guest@127.0.0.1:"), "\(status)")
            supervisor.stop()
            _ = supervisor.run()
            #expect(supervisor.messagesAtEnd?.isEmpty == true)
        }
    }

    private static func supervisor(
        _ uri: String = "embedded",
        start: InProcessBrokerStart?
    ) throws -> Supervisor {
        let connection = ConnectionSettings(
            uris: [uri],
            location: Millrace.SourceLocation(file: "jobs.yaml", line: 2, column: 1)
        )
        var options = SupervisorOptions()
        options.startBroker = start
        return try Supervisor(
            file: JobFile(connection: connection, jobs: []),
            registry: PluginRegistry(),
            options: options,
            logger: Logger(label: "embedded") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}
