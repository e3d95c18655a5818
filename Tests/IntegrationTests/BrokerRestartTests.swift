import AMQPClient
import AMQPWire
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

    private func restart() throws {
        let folder = try Scratch()
        let tool = Tool.root + "ops/rabbitmq"
        let started = try Tool.boot(tool, ["start", "--dir", folder.path + "/broker"])
        try #require(started.status == 0, "\(started.errors)")
        defer { _ = try? Tool.run(tool, ["stop", "--delete", "--dir", folder.path + "/broker"]) }
        let line = try #require(started.output.split(separator: "\n").first { $0.hasPrefix("AMQP_URL=") })
        let endpoint = try Endpoint(uri: String(line.dropFirst("AMQP_URL=".count)))

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
        try connection.start(timeout: .seconds(60))
        let consumer = RecoveringConsumer(on: connection, queue: queue, options: ConsumerOptions(prefetch: 10))
        let channel = try connection.connection().openChannel()
        try channel.selectConfirms()
        var properties = BasicProperties()
        properties.deliveryMode = 2
        for number in 0..<100 {
            try channel.publish(Array("\(number)".utf8), routingKey: "orders", properties: properties)
        }
        #expect(try channel.awaitConfirms(timeout: .seconds(60)).isEmpty)
        var inHand: [Delivery] = []
        for _ in 0..<5 { inHand.append(try #require(try consumer.next(timeout: .seconds(60)))) }

        #expect(try Tool.run(tool, ["kill", "--dir", folder.path + "/broker"]).status == 0)
        #expect(try Tool.boot(tool, ["start", "--dir", folder.path + "/broker"]).status == 0)
        var seen: Set<String> = []
        while seen.count < 100 {
            let delivery = try #require(
                try consumer.next(timeout: .seconds(120)),
                "only \(seen.count) came; \(Self.state(consumer, connection)); \(events.withLock { $0 })"
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
        let again = try connection.connection(timeout: .seconds(60))
        #expect(try again.openChannel().declareQueue("orders", passive: true).messageCount == 0)
        connection.stop()
        let kinds = events.withLock { $0.map(Self.kind) }
        #expect(kinds.filter { $0 == "connected" }.count == 2)
        #expect(kinds.filter { $0 == "lost" }.count == 1)
        #expect(kinds.last == "stopped")
    }

    private static func state(_ consumer: RecoveringConsumer, _ connection: RecoveringConnection) -> String {
        let error = consumer.lastError.map { "\($0)" } ?? "no error"
        return "generation \(consumer.generation) of \(connection.generation), "
            + "consuming \(consumer.isConsuming), \(error)"
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
