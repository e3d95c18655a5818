import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// Where the releases of RabbitMQ differ: what its profile promises, this broker does.
@Suite(
    .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"),
    .tags(.rabbitMQWords),
    .onRabbitMQ,
    .timeLimit(.minutes(10))
)
struct ReleaseTests {
    /// Has a message of a quorum queue come and go until it is dead, or came 40 times.
    ///
    /// - Returns: How often it came, and whether it is dead.
    private static func live(
        _ rig: Rig,
        limit: Int64?,
        _ giveBack: (Channel, Delivery) throws -> Void
    ) throws -> (count: Int, isDead: Bool) {
        let channel = try rig.connect().openChannel()
        let dead = try channel.temporaryQueue()
        var arguments: FieldTable = [
            "x-queue-type": "quorum", "x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(dead),
        ]
        if let limit { arguments["x-delivery-limit"] = .int64(limit) }
        let queue = try channel.declareQueue(Broker.unique("limit"), arguments: arguments).name
        defer { _ = try? channel.deleteQueue(queue) }
        try channel.publish([1], routingKey: queue)
        try channel.consume(queue)
        try channel.consume(dead, tag: "dead")
        var count = 0
        while count < 40 {
            let delivery = try channel.delivery()
            if try delivery.envelope.consumerTag == "dead" { return (count, true) }
            count += 1
            try giveBack(channel, delivery)
        }
        return (count, false)
    }

    @Test func `a rejected message counts towards the delivery limit of its quorum queue, which the release may set`()
        async throws
    {
        try await Rig.run { rig in
            let limited = try Self.live(rig, limit: 3) { try $0.reject($1, requeue: true) }
            #expect(limited.count == 4 && limited.isDead)
            let unsaid = try Self.live(rig, limit: nil) { try $0.reject($1, requeue: true) }
            let limit = try Broker.profile().deliveryLimit
            #expect(unsaid.count == limit.map { $0 + 1 } ?? 40)
            #expect(unsaid.isDead == (limit != nil))
        }
    }

    @Test func `C59: nack and recover count towards it, or do not`() async throws {
        try await Rig.run { rig in
            let isCounted = try Broker.profile().givenBack == .counted
            let nacked = try Self.live(rig, limit: 3) { try $0.nack($1, requeue: true) }
            #expect(nacked.count == (isCounted ? 4 : 40))
            let recovered = try Self.live(rig, limit: 3) { channel, _ in try channel.recover() }
            #expect(recovered.count == (isCounted ? 4 : 40))
        }
    }

    @Test func `a limit of -1 is none, or kills at the first delivery`() async throws {
        try await Rig.run { rig in
            let life = try Self.live(rig, limit: -1) { try $0.reject($1, requeue: true) }
            switch try Broker.profile().negativeLimit {
            case .unlimited: #expect(life.count == 40 && !life.isDead)
            case .zero: #expect(life.count == 1 && life.isDead)
            }
        }
    }

    @Test func `C50: the largest body that is taken, unless the broker's owner set another`() async throws {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let channel = try connection.openChannel()
            let queue = try channel.temporaryQueue()
            let largest = try Broker.profile().largestBody
            // No test wants to send the 128 MiB of RabbitMQ 3.10.
            let size = min(largest, 32 << 20)
            try channel.selectConfirms()
            try channel.publish([UInt8](repeating: 1, count: size), routingKey: queue)
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            guard size == largest else { return }
            let error = try connection.failure { channel in
                try channel.publish([UInt8](repeating: 1, count: size + 1), routingKey: queue)
                try channel.awaitEnd()
            }
            #expect(error.code == AMQPError.Code(.preconditionFailed))
            #expect(error.method == .basicPublish)
        }
    }

    @Test(arguments: [4096, 8191, 8192] as [UInt32])
    func `C8 C9: a frame-max under the broker's least ends the socket, without a frame`(frameMax: UInt32) async throws {
        try await Rig.run { rig in
            let raw = try RawClient(greetedBy: rig.endpoint)
            let tune = try raw.logIn(rig.endpoint)
            try raw.send(ConnectionTuneOk(channelMax: tune.channelMax, frameMax: frameMax, heartbeat: 0), on: 0)
            try raw.send(ConnectionOpen(virtualHost: rig.endpoint.virtualHost), on: 0)
            if try frameMax >= Broker.profile().leastFrameMax {
                try raw.frames.expect(ConnectionOpenOk.self, on: 0)
            } else {
                try raw.frames.expectEnd()
            }
        }
    }

    @Test func `C61: a timeout of its own for a classic queue, or for its consumer`() async throws {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let channel = try connection.openChannel()
            let queue = try channel.temporaryQueue()
            let timeout: FieldTable = ["x-consumer-timeout": .int64(3_600_000)]
            let attempts: [(Channel) throws -> Void] = [
                { _ = try $0.declareQueue("", durable: false, exclusive: true, arguments: timeout) },
                { _ = try $0.consume(queue, arguments: timeout) },
            ]
            for attempt in attempts {
                switch try Broker.profile().classicConsumerTimeout {
                case .taken: try attempt(try connection.openChannel())
                case .refused:
                    #expect(try connection.failure(attempt).code == AMQPError.Code(.preconditionFailed))
                }
            }
            try channel.proveAlive()
        }
    }

    @Test func `a classic queue's dead letter is written into a stream, or lost`() async throws {
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            let stream = try channel.declareQueue(Broker.unique("stream"), arguments: ["x-queue-type": "stream"]).name
            let marker = try channel.temporaryQueue()
            // The second death of one message tells when the first is over.
            let exchange = Broker.unique("deaths")
            try channel.declareExchange(exchange, type: "fanout", durable: false)
            for queue in [stream, marker] { try channel.bindQueue(queue, to: exchange) }
            defer {
                try? channel.deleteExchange(exchange)
                _ = try? channel.deleteQueue(stream)
            }
            let queue = try channel.declareQueue(
                "",
                durable: false,
                exclusive: true,
                arguments: ["x-dead-letter-exchange": .string(exchange)]
            ).name
            try channel.publish([7], routingKey: queue)
            let message = try #require(try channel.get(queue))
            try channel.reject(message, requeue: false)
            try channel.consume(marker, tag: "marker", noAck: true)
            #expect(try channel.delivery().body == [7])
            try channel.selectConfirms()
            try channel.publish([8], routingKey: stream)
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            try channel.prefetch(10)
            try channel.consume(stream, tag: "stream", arguments: ["x-stream-offset": "first"])
            // Two processes of the broker write them, in no order.
            switch try Broker.profile().deadLetterIntoStream {
            case .written: #expect(try Set([channel.delivery().body, channel.delivery().body]) == [[7], [8]])
            case .dropped:
                #expect(try channel.delivery().body == [8])
                #expect(try channel.nextDelivery(timeout: .seconds(1)) == nil)
            }
        }
    }
}
