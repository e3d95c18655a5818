import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// The channel layer on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
struct ChannelTests {
    let connection: Connection
    let channel: Channel
    let queue = Broker.unique("channel")

    init() throws {
        self.connection = try Broker.connect()
        self.channel = try self.connection.openChannel()
        _ = try self.channel.declareQueue(self.queue, durable: false, exclusive: true)
    }

    private func failure(_ body: () throws -> Void) -> AMQPError? {
        do {
            try body()
            return nil
        } catch {
            return error as? AMQPError
        }
    }

    @Test(arguments: [0, 1, 64, 131_063, 131_064, 131_065, 400_000])
    func `C19 C23: bodies of every size come back as they went`(size: Int) throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try self.channel.selectConfirms()
        try self.channel.publish(body, routingKey: self.queue)
        #expect(try self.channel.awaitConfirms(timeout: Patience.long) == [])
        let delivery = try #require(try self.channel.get(self.queue))
        #expect(delivery.body == body)
        try self.channel.ack(delivery)
        self.connection.close()
    }

    @Test func `C53: get and deliver share one sequence of tags, a double ack is refused before it is sent`() throws {
        for _ in 0..<3 { try self.channel.publish([1], routingKey: self.queue) }
        let first = try #require(try self.channel.get(self.queue))
        #expect(first.deliveryTag == 1)
        try self.channel.consume(self.queue)
        let second = try #require(try self.channel.nextDelivery(timeout: Patience.long))
        #expect(second.deliveryTag == 2)
        try self.channel.ack(first)
        #expect(self.failure { try self.channel.ack(first) }?.code == .refusedLocally)
        #expect(self.channel.isOpen)
        self.connection.close()
    }

    @Test func `C42: a channel error ends its channel and no other`() throws {
        let neighbour = try self.connection.openChannel()
        let missing = self.failure { _ = try self.channel.declareQueue(Broker.unique("missing"), passive: true) }
        #expect(missing?.code.rawValue == 404)
        #expect(missing?.scope == .channel(self.channel.number))
        #expect(missing?.method == .queueDeclare)
        #expect(!self.channel.isOpen)
        #expect(try neighbour.declareQueue(self.queue, passive: true).messageCount == 0)
        self.connection.close()
    }

    @Test(.tags(.rabbitMQWords), .onRabbitMQ)
    func `403, 405 and 406 name what is wrong and end one channel each`() throws {
        let other = try Broker.connect()
        let stranger = try other.openChannel()
        let locked = self.failure { _ = try stranger.declareQueue(self.queue, passive: true) }
        #expect(locked?.code.rawValue == 405)
        let refused = try other.openChannel()
        let reserved = self.failure { _ = try refused.declareQueue("amq.millrace") }
        #expect(reserved?.code.rawValue == 403)
        let clash = self.failure {
            _ = try self.channel.declareQueue(self.queue, durable: false, exclusive: true, autoDelete: true)
        }
        #expect(clash?.code.rawValue == 406)
        #expect(clash?.text.contains("auto_delete") == true)
        other.close()
        self.connection.close()
    }

    @Test func `C57: prefetch limits what is out to each consumer`() throws {
        for number in 0..<10 { try self.channel.publish([UInt8(number)], routingKey: self.queue) }
        try self.channel.prefetch(3)
        try self.channel.consume(self.queue)
        var taken: [Delivery] = []
        while taken.count < 3, let delivery = try self.channel.nextDelivery(timeout: Patience.long) {
            taken.append(delivery)
        }
        // A round trip later a fourth would have come.
        #expect(try self.channel.declareQueue(self.queue, passive: true).messageCount == 7)
        #expect(try self.channel.nextDelivery(timeout: .zero) == nil)
        try self.channel.ack(taken[0])
        let next = try #require(try self.channel.nextDelivery(timeout: Patience.long))
        #expect(next.body == [3])
        self.connection.close()
    }

    @Test func `C58: unsettled deliveries of a closed channel come again, redelivered`() throws {
        try self.channel.publish([7], routingKey: self.queue)
        let worker = try self.connection.openChannel()
        try worker.consume(self.queue)
        let first = try #require(try worker.nextDelivery(timeout: Patience.long))
        #expect(!first.redelivered)
        worker.close()
        try self.channel.consume(self.queue)
        let again = try #require(try self.channel.nextDelivery(timeout: Patience.long))
        #expect(again.redelivered)
        #expect(again.body == [7])
        // C54: the delivery of the dead channel is dropped quietly.
        try self.channel.ack(first)
        try self.channel.ack(again)
        self.connection.close()
    }

    @Test func `C48 C49: a thousand publishes are confirmed, the unroutable one comes back`() throws {
        try self.channel.selectConfirms()
        for number in 0..<1000 {
            try self.channel.publish(
                [1],
                routingKey: number == 500 ? Broker.unique("nowhere") : self.queue,
                mandatory: true
            )
        }
        #expect(try self.channel.awaitConfirms(timeout: Patience.long).map(\.sequence) == [501])
        let returned = self.channel.takeReturnedMessages()
        #expect(returned.count == 1)
        #expect(returned.first?.code.rawValue == 312)
        self.connection.close()
    }

    @Test func `C64: publishes of a transaction are seen after commit, and never after rollback`() throws {
        let observer = try self.connection.openChannel()
        try self.channel.selectTransactions()
        try self.channel.publish([1], routingKey: self.queue)
        try self.channel.rollback()
        try self.channel.publish([2], routingKey: self.queue)
        #expect(try observer.get(self.queue, noAck: true) == nil)
        try self.channel.commit()
        #expect(try observer.get(self.queue, noAck: true)?.body == [2])
        #expect(try observer.get(self.queue, noAck: true) == nil)
        #expect(self.failure { try self.channel.selectConfirms() }?.code == .refusedLocally)
        self.connection.close()
    }

    @Test func `C56: the broker's cancel of a deleted queue's consumer is told and not answered`() throws {
        let tag = try self.channel.consume(self.queue)
        let other = try self.connection.openChannel()
        try other.deleteQueue(self.queue)
        while self.channel.isOpen, self.channel.cancelledConsumers.isEmpty {
            guard self.channel.pump(until: MonotonicClock.deadline(in: Patience.long)) else { break }
        }
        #expect(self.channel.takeCancelledConsumers() == [tag])
        _ = try other.declareQueue("", durable: false, exclusive: true)
        #expect(self.channel.isOpen)
        self.connection.close()
    }

    @Test func `C55: deliveries before cancel-ok can be settled after it`() throws {
        for number in 0..<50 { try self.channel.publish([UInt8(number)], routingKey: self.queue) }
        let tag = try self.channel.consume(self.queue)
        let first = try #require(try self.channel.nextDelivery(timeout: Patience.long))
        try self.channel.cancel(tag)
        var all = [first]
        while let delivery = try self.channel.nextDelivery(timeout: .zero) { all.append(delivery) }
        for delivery in all { try self.channel.ack(delivery) }
        let left = try self.channel.declareQueue(self.queue, passive: true)
        #expect(left.messageCount + all.count == 50)
        #expect(left.consumerCount == 0)
        self.connection.close()
    }

    @Test(.tags(.rabbitMQWords), .onRabbitMQ)
    func `C29: every kind of table value comes back in a header`() throws {
        let headers: FieldTable = [
            "bool": true, "int8": .int8(-8), "uint8": .uint8(200), "int16": .int16(-300), "uint16": .uint16(60000),
            "int32": .int32(-70000), "uint32": .uint32(4_000_000_000), "int64": .int64(-1 << 40), "float": .float(1.5),
            "double": .double(2.25), "decimal": .decimal(scale: 2, value: 1234), "text": "grüße",
            "bytes": .bytes([0, 255]), "time": .timestamp(1_700_000_000), "list": .array([.int64(1), "two", .void]),
            "table": .table(["nested": .table(["deep": 1])]), "nothing": .void,
        ]
        var properties = BasicProperties()
        properties.headers = headers
        properties.messageID = "m-1"
        try self.channel.publish([], routingKey: self.queue, properties: properties)
        let delivery = try #require(try self.channel.get(self.queue))
        switch try Broker.profile().tables {
        case .asSent: #expect(try delivery.properties.headers == headers)
        case .sorted:
            let sorted = headers.entries.sorted { $0.key < $1.key }
            #expect(try delivery.properties.headers == FieldTable(sorted))
        }
        #expect(try delivery.properties.messageID == "m-1")
        #expect(try delivery.envelope.routingKey == self.queue)
        self.connection.close()
    }

    @Test func `C32: one channel more than the connection may have is refused here`() throws {
        let small = try Broker.connect { $0.channelMax = 2 }
        let channels = [try small.openChannel(), try small.openChannel()]
        #expect(self.failure { _ = try small.openChannel() }?.code == .channelsExhausted)
        channels[0].close()
        #expect(try small.openChannel().isOpen)
        small.close()
        self.connection.close()
    }

    @Test func `C58: a consumer without acks that does not keep up is slowed down by TCP and gets everything`() throws {
        let body = [UInt8](repeating: 9, count: 65536)
        try self.channel.selectConfirms()
        for _ in 0..<2000 { try self.channel.publish(body, routingKey: self.queue) }
        #expect(try self.channel.awaitConfirms(timeout: Patience.long) == [])
        try self.channel.consume(self.queue, noAck: true)
        // Meanwhile 128 MiB want to come in; another connection sees how far they get.
        let other = try Broker.connect()
        let neighbour = try other.openChannel()
        for _ in 0..<50 { _ = try neighbour.declareQueue("", durable: false, exclusive: true) }
        other.close()
        var count = 0
        while count < 2000, let delivery = try self.channel.nextDelivery(timeout: Patience.long) {
            #expect(delivery.bodyByteCount == body.count)
            count += 1
        }
        #expect(count == 2000)
        #expect(self.channel.unsettledCount == 0)
        self.connection.close()
    }
}
