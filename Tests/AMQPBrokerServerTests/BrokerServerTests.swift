import AMQPBroker
import AMQPBrokerServer
import AMQPClient
import AMQPCore
import AMQPWire
import NIOCore
import NIOPosix
import Testing
import TestSupport

/// The project's own client against the embedded broker on a socket.
@Suite struct BrokerServerTests {
    private func run(
        _ settings: BrokerSettings = BrokerSettings(),
        _ body: @escaping @Sendable (AMQPClient.Connection) throws -> Void
    ) async throws {
        let server = try await BrokerServer.start(settings)
        let endpoint = Endpoint(host: "127.0.0.1", port: server.port)
        do {
            try await OwnThread.run {
                let connection = try Broker.connect(to: endpoint)
                try body(connection)
                connection.close()
            }
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    @Test func `what is published is confirmed, consumed in order and acked`() async throws {
        try await self.run { connection in
            let channel = try connection.openChannel()
            _ = try channel.declareQueue("jobs")
            try channel.selectConfirms()
            for number: UInt8 in 1...100 { try channel.publish([number], routingKey: "jobs") }
            #expect(try channel.awaitConfirms().isEmpty)
            try channel.prefetch(10)
            try channel.consume("jobs", tag: "c")
            for number: UInt8 in 1...100 {
                let delivery = try #require(try channel.nextDelivery(timeout: .seconds(20)))
                #expect(delivery.body == [number])
                try channel.ack(delivery)
            }
            #expect(try channel.declareQueue("jobs", passive: true).messageCount == 0)
        }
    }

    @Test func `a body of many frames comes back`() async throws {
        try await self.run { connection in
            let channel = try connection.openChannel()
            _ = try channel.declareQueue("jobs")
            let body = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try channel.publish(body, routingKey: "jobs")
            try channel.consume("jobs", tag: "c", noAck: true)
            let delivery = try #require(try channel.nextDelivery(timeout: .seconds(20)))
            #expect(delivery.body == body)
        }
    }

    @Test func `what is refused is the client's typed error, and its other channels live`() async throws {
        try await self.run { connection in
            let (one, other) = (try connection.openChannel(), try connection.openChannel())
            _ = try one.declareQueue("jobs", durable: false)
            let error = try #require(throws: AMQPError.self) { _ = try one.declareQueue("jobs", durable: true) }
            #expect(error.code.rawValue == 406)
            #expect(error.text.contains("inequivalent arg 'durable' for queue 'jobs' in vhost '/'"), "\(error.text)")
            #expect(try other.declareQueue("jobs", passive: true).name == "jobs")
        }
    }

    @Test func `a wrong password is refused as RabbitMQ does it`() async throws {
        let server = try await BrokerServer.start()
        let endpoint = Endpoint(host: "127.0.0.1", port: server.port, password: "wrong")
        try await OwnThread.run {
            let error = try #require(throws: AMQPError.self) { _ = try Broker.connect(to: endpoint) }
            #expect(error.code.rawValue == 403)
        }
        await server.stop()
    }

    @Test func `the clock of the socket lets messages expire`() async throws {
        try await self.run { connection in
            let channel = try connection.openChannel()
            let arguments: FieldTable = [
                "x-message-ttl": 50, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
            ]
            _ = try channel.declareQueue("jobs", arguments: arguments)
            _ = try channel.declareQueue("dead")
            try channel.publish([1], routingKey: "jobs")
            try channel.consume("dead", tag: "c", noAck: true)
            let delivery = try #require(try channel.nextDelivery(timeout: .seconds(20)))
            #expect(delivery.body == [1])
        }
    }

    @Test func `what a lost connection held goes to the next`() async throws {
        let server = try await BrokerServer.start()
        let endpoint = Endpoint(host: "127.0.0.1", port: server.port)
        try await OwnThread.run {
            let raw = try RawClient(endpoint)
            try raw.open(1)
            try raw.ask(QueueDeclare(queue: "jobs"), QueueDeclareOk.self, on: 1)
            try raw.publish([5], to: "jobs", on: 1)
            try raw.send(BasicGet(queue: "jobs"), on: 1)
            try raw.frames.expect(BasicGetOk.self, on: 1)
        }  // and its socket is closed
        try await OwnThread.run {
            let connection = try Broker.connect(to: endpoint)
            let channel = try connection.openChannel()
            try channel.consume("jobs", tag: "c")
            let delivery = try #require(try channel.nextDelivery(timeout: .seconds(20)))
            #expect(delivery.redelivered)
            connection.close()
        }
        let views = try await server.with { broker, _ in broker.queues() }
        #expect(views.map(\.name) == ["jobs"])
        await server.stop()
    }

    @Test func `a socket in the file system serves as well`() async throws {
        let path = "/tmp/millrace-broker-\(UInt32.random(in: 0...UInt32.max)).sock"
        let server = try await BrokerServer.start(at: .unix(path: path))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let greeting = group.next().makePromise(of: ByteBuffer.self)
        let client = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FirstRead(greeting))
                }
            }
            .connect(unixDomainSocketPath: path).get()
        try await client.writeAndFlush(ByteBuffer(bytes: Frame.protocolHeader))
        let read = try await greeting.futureResult.get()
        #expect(Array(read.readableBytesView.prefix(3)) == [1, 0, 0])
        try await client.close()
        await server.stop()
        try await group.shutdownGracefully()
    }

    @Test func `an operator's close is 320`() async throws {
        let server = try await BrokerServer.start()
        let endpoint = Endpoint(host: "127.0.0.1", port: server.port)
        let client = try await OwnThread.run { StartedClient(try RawClient(endpoint)) }
        try await server.with { broker, now in
            for id in broker.connectionIDs { broker.forceClose(id, "for a test", now: now) }
        }
        try await OwnThread.run {
            let close = try client.raw.nextClose()
            #expect(close.code == .connectionForced)
            #expect(close.text == "CONNECTION_FORCED - for a test")
        }
        await server.stop()
    }
}

/// Handed from one thread to the next, never used by two.
// @unchecked Sendable: the tests await each user before the next.
private final class StartedClient: @unchecked Sendable {
    let raw: RawClient
    init(_ raw: RawClient) { self.raw = raw }
}

/// The first octets that come.
private final class FirstRead: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<ByteBuffer>
    init(_ promise: EventLoopPromise<ByteBuffer>) { self.promise = promise }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { self.promise.succeed(self.unwrapInboundIn(data)) }
}
