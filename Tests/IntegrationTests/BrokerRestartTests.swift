import AMQPClient
import AMQPWire
import Foundation
import NIOPosix
import TestSupport
import Testing

/// A broker of its own that is killed and started again under a recovering consumer.
@Suite(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct BrokerRestartTests {
    @Test func `C54: the broker killed and started again: what was confirmed comes, late acks are dropped`()
        async throws
    {
        try await OwnThread.run { try self.restart() }
    }

    @Test func `a broker whose port was taken meanwhile does not start on another`() async throws {
        try await OwnThread.run {
            let other = try CuttingProxy(to: Endpoint(host: "127.0.0.1", port: 1))
            defer { other.stop() }
            let folder = try Scratch()
            let broker = folder.path + "/broker"
            try FileManager.default.createDirectory(atPath: broker + "/mnesia", withIntermediateDirectories: true)
            // What a start leaves for the next one.
            let ports = "amqp_port=\(other.endpoint.port)\ndist_port=12001\nepmd_port=12002\n"
            try folder.write("broker/ports", ports)
            let started = try Tool.run(Tool.root + "ops/rabbitmq", ["start", "--dir", broker])
            #expect(started.status == 69)
            #expect(started.errors.contains("port \(other.endpoint.port), where clients look for"), "\(started.errors)")
            #expect(try String(contentsOfFile: broker + "/ports", encoding: .utf8) == ports)
        }
    }

    private func restart() throws {
        let folder = try Scratch()
        let tool = Tool.root + "ops/rabbitmq"
        defer { _ = try? Tool.run(tool, ["stop", "--delete", "--dir", folder.path + "/broker"]) }
        let endpoint = try Self.start(folder)

        let events = Monitor<[RecoveryEvent]>([])
        let topology = RecordedTopology()
        let queue = topology.queue("orders")
        let connection = RecoveringConnection(
            to: [endpoint],
            settings: RecoverySettings(initialInterval: .milliseconds(50), maxInterval: .milliseconds(200)),
            topology: topology,
            on: MultiThreadedEventLoopGroup.singleton,
            logger: Broker.quiet
        ) { event in events.withLock { $0.append(event) } }
        try connection.start(timeout: Patience.long)
        let consumer = RecoveringConsumer(on: connection, queue: queue, options: ConsumerOptions(prefetch: 10))
        let channel = try connection.connection().openChannel()
        try channel.selectConfirms()
        var properties = BasicProperties()
        properties.deliveryMode = 2
        for number in 0..<100 {
            try channel.publish(Array("\(number)".utf8), routingKey: "orders", properties: properties)
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long).isEmpty)
        let sync = ["ctl", "--dir", folder.path + "/broker", "eval", try BrokerProfile(of: endpoint).metadata.sync]
        try #require(try Tool.run(tool, sync).status == 0)
        var inHand: [Delivery] = []
        for _ in 0..<5 { inHand.append(try #require(try consumer.next(timeout: Patience.long))) }

        #expect(try Tool.run(tool, ["kill", "--dir", folder.path + "/broker"]).status == 0)
        // Where the client looks for it.
        try #require(try Self.start(folder) == endpoint)
        var seen: Set<String> = []
        while seen.count < 100 {
            let delivery = try #require(
                try consumer.next(timeout: .seconds(120)),
                "only \(seen.count) came; \(Self.state(consumer, connection, events.withLock { $0 }))"
            )
            // Late ones of the first generation, now that there is another.
            for late in inHand { try consumer.ack(late) }
            inHand = []
            seen.insert(String(decoding: delivery.body, as: UTF8.self))
            try consumer.ack(delivery)
        }
        // And of those that were waiting for us to take them.
        #expect(consumer.droppedAckCount >= 5)
        #expect(consumer.generation == 2)
        #expect(connection.generation == 2)
        consumer.close()
        let again = try connection.connection(timeout: Patience.long)
        #expect(try again.openChannel().declareQueue("orders", passive: true).messageCount == 0)
        connection.stop()
        let kinds = events.withLock { $0.map(Self.kind) }
        #expect(kinds.filter { $0 == "connected" }.count == 2)
        #expect(kinds.filter { $0 == "lost" }.count == 1)
        #expect(kinds.last == "stopped")
    }

    /// Starts the broker of this folder, and gives where it says it is.
    private static func start(_ folder: Scratch) throws -> Endpoint {
        let started = try Tool.boot(Tool.root + "ops/rabbitmq", ["start", "--dir", folder.path + "/broker"])
        try #require(started.status == 0, "\(started.errors)")
        let line = try #require(started.output.split(separator: "\n").first { $0.hasPrefix("AMQP_URL=") })
        return try Endpoint(uri: String(line.dropFirst("AMQP_URL=".count)))
    }

    /// Where each of them stands, for a failure.
    private static func state(
        _ consumer: RecoveringConsumer,
        _ connection: RecoveringConnection,
        _ events: [RecoveryEvent]
    ) -> String {
        let error = consumer.lastError.map { "\($0)" } ?? "none"
        let current = Result { () throws(AMQPError) in try connection.connection(timeout: .zero) }
        let state: String
        switch current {
        case .success(let open):
            let probe = Result { () throws(AMQPError) in
                try open.openChannel().declareQueue("orders", passive: true)
            }
            state = "open, blocked \(open.isBlocked), the queue: \(probe)"
        case .failure(let error): state = "none: \(error)"
        }
        return """
            consumer of generation \(consumer.generation), consuming \(consumer.isConsuming), last error: \(error); \
            connection of generation \(connection.generation), \(state); last events: \(events.suffix(4).map(Self.kind)) of \(events.count)
            """
    }

    private static func kind(_ event: RecoveryEvent) -> String {
        switch event {
        case .connected: "connected"
        case .lost: "lost"
        case .stopped: "stopped"
        default: "other"
        }
    }
}
