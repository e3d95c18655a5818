import AMQPClient
import AMQPWire
import Foundation
import NIOPosix
import TestSupport
import Testing

/// Recovering connections and consumers on a real RabbitMQ, through a proxy that cuts.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct RecoveryTests {
    private static let settings = RecoverySettings(
        initialInterval: .milliseconds(5),
        maxInterval: .milliseconds(50)
    )

    private func recovering(
        _ endpoint: Endpoint,
        _ topology: RecordedTopology = RecordedTopology()
    ) throws -> RecoveringConnection {
        let connection = RecoveringConnection(
            to: [endpoint],
            options: ConnectionOptions(name: "millrace recovery tests"),
            settings: Self.settings,
            topology: topology,
            on: MultiThreadedEventLoopGroup.singleton,
            logger: Broker.quiet
        )
        try connection.start(timeout: Patience.long)
        return connection
    }

    /// The next delivery's body, acked; fails the test after 20 s.
    private func body(_ consumer: RecoveringConsumer) throws -> String {
        let delivery = try #require(try consumer.next(timeout: Patience.long))
        try consumer.ack(delivery)
        return String(decoding: delivery.body, as: UTF8.self)
    }

    @Test func `C54: 200 forced disconnects under load lose nothing and cost no channel`() async throws {
        try await OwnThread.run { try self.cutUnderLoad(times: 200) }
    }

    private func cutUnderLoad(times: Int) throws {
        let consumers = 4
        let log = try BrokerLog()
        let queue = Broker.unique("cuts")
        let proxy = try CuttingProxy(to: try Broker.endpoint())
        defer { proxy.stop() }
        let topology = RecordedTopology()
        topology.queue(queue)
        let connection = try self.recovering(proxy.endpoint, topology)
        let load = NumberedLoad(queue: queue, consumers: consumers)
        let threads =
            try [load.startPublisher()] + (0..<consumers).map { try load.startConsumer($0, on: connection) }
        var generations = Array(repeating: 0, count: consumers)
        var deliveries = 0
        for number in 1...times {
            try load.wait("consuming again after cut \(number - 1)") { state in
                zip(state.generations, generations).allSatisfy(>) && state.deliveries >= deliveries + 20
            }
            load.monitor.withLock { state in
                generations = state.generations
                deliveries = state.deliveries
            }
            if number % 100 == 50, let control = Broker.control {
                try control.closeConnection(from: try #require(proxy.sourcePorts.last))
            } else {
                #expect(proxy.cut() > 0)
            }
        }
        load.monitor.withLock { $0.isPublishing = false }
        try load.wait("everything seen") { $0.seen.count == $0.published }
        load.monitor.withLock { $0.isConsuming = false }
        for thread in threads { thread.join() }
        connection.stop()

        let end = load.monitor.withLock { $0 }
        #expect(end.failures.isEmpty)
        #expect(end.seen == Set(0..<end.published))
        #expect(end.droppedAcks > 0)
        let broker = try Broker.connect()
        let channel = try broker.openChannel()
        // Acks that a cut dropped: what they were for comes again, and was seen.
        while let again = try channel.get(queue) {
            #expect(again.redelivered)
            try channel.ack(again)
        }
        try channel.deleteQueue(queue)
        if let log {
            // "unknown delivery tag" would be one of them.
            let errors = try log.clientErrors(from: proxy.sourceAddress, on: broker)
            #expect(errors.isEmpty, "\(errors.prefix(5))")
        }
        broker.close()
        print(
            "\(times) cuts: \(end.published) messages, \(end.deliveries) deliveries, "
                + "\(end.droppedAcks) acks dropped, \(connection.generation) connections"
        )
    }

    @Test func `C60: a server-named queue has a new name after a cut; binding and consumer follow it`() async throws {
        try await OwnThread.run {
            let proxy = try CuttingProxy(to: try Broker.endpoint())
            defer { proxy.stop() }
            let exchange = Broker.unique("exchange")
            let topology = RecordedTopology()
            topology.exchange(exchange, durable: false)
            let queue = topology.queue("", durable: false, exclusive: true)
            topology.bind(queue, to: exchange, routingKey: "key")
            let connection = try self.recovering(proxy.endpoint, topology)
            let consumer = RecoveringConsumer(on: connection, queue: queue)
            #expect(try consumer.next(timeout: .zero) == nil)
            let first = try #require(queue.name)
            let broker = try Broker.connect()
            let channel = try broker.openChannel()
            try channel.publish(Array("one".utf8), exchange: exchange, routingKey: "key")
            let delivery = try #require(try consumer.next(timeout: Patience.long))
            #expect(proxy.cut() == 1)
            while consumer.generation < 2 { #expect(try consumer.next(timeout: .milliseconds(20)) == nil) }
            #expect(queue.name != first)
            #expect(consumer.isConsuming)
            // Of the queue that is gone: dropped, not sent.
            try consumer.ack(delivery)
            #expect(consumer.droppedAckCount == 1)
            try channel.publish(Array("two".utf8), exchange: exchange, routingKey: "key")
            #expect(try self.body(consumer) == "two")
            consumer.close()
            connection.stop()
            try channel.deleteExchange(exchange)
            broker.close()
        }
    }

    @Test(arguments: [true, false])
    func `C56: a queue deleted under its consumer is cancelled, and consumed again once it is back`(
        isRecorded: Bool
    ) async throws {
        try await OwnThread.run {
            let name = Broker.unique("deleted")
            let broker = try Broker.connect()
            let channel = try broker.openChannel()
            _ = try channel.declareQueue(name)
            let topology = RecordedTopology()
            if isRecorded { topology.queue(name) }
            let connection = try self.recovering(try Broker.endpoint(), topology)
            let consumer = RecoveringConsumer(on: connection, queue: name)
            #expect(try consumer.next(timeout: .zero) == nil)
            #expect(consumer.isConsuming)
            try channel.deleteQueue(name)
            if !isRecorded {
                while consumer.lastError?.code.rawValue != 404 {
                    #expect(try consumer.next(timeout: .milliseconds(20)) == nil)
                }
                #expect(!consumer.isConsuming)
                _ = try channel.declareQueue(name)
            }
            while consumer.generation < 2 { #expect(try consumer.next(timeout: .milliseconds(20)) == nil) }
            try channel.publish(Array("back".utf8), routingKey: name)
            #expect(try self.body(consumer) == "back")
            #expect(connection.generation == 1)
            consumer.close()
            connection.stop()
            try channel.deleteQueue(name)
            broker.close()
        }
    }

    @Test func `C56: exchanges that went with a deleted queue are back with it, and with their bindings`() async throws
    {
        try await OwnThread.run {
            let (name, near, far) = (Broker.unique("deleted"), Broker.unique("near"), Broker.unique("far"))
            let broker = try Broker.connect()
            let channel = try broker.openChannel()
            let topology = RecordedTopology()
            topology.exchange(near, autoDelete: true)
            topology.exchange(far)
            topology.bindExchange(near, to: far, routingKey: "key")
            topology.bind(topology.queue(name), to: near, routingKey: "key")
            let connection = try self.recovering(try Broker.endpoint(), topology)
            let consumer = RecoveringConsumer(on: connection, queue: name)
            #expect(try consumer.next(timeout: .zero) == nil)
            try channel.deleteQueue(name)
            while consumer.generation < 2 { #expect(try consumer.next(timeout: .milliseconds(20)) == nil) }
            try channel.publish(Array("back".utf8), exchange: far, routingKey: "key")
            #expect(try self.body(consumer) == "back")
            consumer.close()
            connection.stop()
            try channel.deleteQueue(name)
            for exchange in [near, far] { try channel.deleteExchange(exchange) }
            broker.close()
        }
    }

    @Test func `one entity that clashes is named, and costs no other`() async throws {
        try await OwnThread.run {
            let (clash, good) = (Broker.unique("clash"), Broker.unique("good"))
            let broker = try Broker.connect()
            let channel = try broker.openChannel()
            _ = try channel.declareQueue(clash, durable: false)
            let topology = RecordedTopology()
            topology.queue(clash)
            let queue = topology.queue(good)
            topology.bind(queue, to: Broker.unique("no exchange"))
            let failures = try topology.declareAll(on: broker)
            #expect(failures.map(\.error.code.rawValue) == [406, 404])
            #expect(failures.first?.entity == "queue '\(clash)'")
            #expect(try channel.declareQueue(good, passive: true).name == good)
            for queue in [clash, good] { try channel.deleteQueue(queue) }
            broker.close()
        }
    }

    @Test func `bad credentials are thrown at the start; a broker that is not there is waited for`() async throws {
        try await OwnThread.run {
            var stranger = try Broker.endpoint()
            stranger.password = "wrong"
            let error = #expect(throws: AMQPError.self) { try self.recovering(stranger) }
            #expect(error?.isTransient == false)
            let proxy = try CuttingProxy(to: Endpoint(host: "127.0.0.1", port: 1))
            defer { proxy.stop() }
            let absent = RecoveringConnection(
                to: [proxy.endpoint],
                settings: Self.settings,
                on: MultiThreadedEventLoopGroup.singleton,
                logger: Broker.quiet
            )
            let timeout = #expect(throws: AMQPError.self) { try absent.start(timeout: .milliseconds(300)) }
            #expect(timeout?.code == .timeout)
            #expect(throws: AMQPError.self) { try absent.connection() }
        }
    }
}
