import AMQPBroker
import AMQPWire
import Differential
import Testing
import TestSupport

/// What clients see of classic queues.
@Suite struct ClassicQueueTests {
    private func made(_ arguments: FieldTable = [:], prefetch: UInt16 = 0) throws -> (Rig, RigClient) {
        let rig = Rig()
        let client = try rig.connect()
        try client.open(1)
        try client.ask(QueueDeclare(queue: "q", durable: true, arguments: arguments), .queueDeclareOk)
        if prefetch > 0 { try client.ask(BasicQos(prefetchCount: prefetch), .basicQosOk) }
        return (rig, client)
    }

    @Test func `a message comes back with its properties and its body, octet by octet`() throws {
        let (_, client) = try self.made()
        let properties = BasicProperties(
            contentType: "text/plain",
            headers: ["z": 1, "a": .array([true, .void, .decimal(scale: 2, value: 314)])],
            deliveryMode: 2,
            priority: 7,
            correlationID: "c",
            messageID: "m",
            timestamp: 12
        )
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
        try client.publish(body, to: "q", properties: properties)
        try client.send(BasicGet(queue: "q"))
        let got = try client.next()
        #expect(got.body == body)
        #expect(got.properties == properties)
        #expect(got.method == .basicGetOk(BasicGetOk(deliveryTag: 1, exchange: "", routingKey: "q", messageCount: 0)))
    }

    @Test func `prefetch bounds what a consumer holds, and an ack makes room (C57)`() throws {
        let (rig, client) = try self.made(prefetch: 2)
        for number: UInt8 in 1...5 { try client.publish([number], to: "q") }
        try client.ask(BasicConsume(queue: "q", consumerTag: "c"), .basicConsumeOk)
        #expect(try client.deliveries().map(\.body) == [[1], [2]])
        try client.send(BasicAck(deliveryTag: 1))
        #expect(try client.deliveries().map(\.body) == [[3]])
        try client.send(BasicAck(deliveryTag: 3, multiple: true))
        #expect(try client.deliveries().map(\.body) == [[4], [5]])
        #expect(rig.queue("q") == .init(name: "q", ready: 0, unacked: 2, consumers: 1))
    }

    @Test func `what goes back goes to where it was, and is marked (C58)`() throws {
        let (_, client) = try self.made()
        for number: UInt8 in 1...4 { try client.publish([number], to: "q") }
        for _ in 1...3 { try client.send(BasicGet(queue: "q")) }
        #expect(try client.deliveries().map(\.tag) == [1, 2, 3])
        try client.send(BasicNack(deliveryTag: 2, multiple: false, requeue: true))
        try client.send(BasicReject(deliveryTag: 1, requeue: true))
        try client.send(ChannelClose(replyCode: 200, replyText: ""))
        try client.expect(.channelCloseOk)
        try client.open(1)
        try client.ask(BasicConsume(queue: "q", noAck: true), .basicConsumeOk)
        let deliveries = try client.deliveries()
        #expect(deliveries.map(\.body) == [[1], [2], [3], [4]])
        #expect(deliveries.map(\.isAgain) == [true, true, true, false])
    }

    @Test(arguments: [(9, false), (0, false), (9, true)])
    func `an unknown tag is 406 (C53)`(tag: UInt64, multiple: Bool) throws {
        let (_, client) = try self.made()
        try client.publish(to: "q")
        try client.send(BasicGet(queue: "q"))
        _ = try client.deliveries()
        try client.send(BasicAck(deliveryTag: tag, multiple: multiple))
        #expect(try client.closeCode() == (406, "PRECONDITION_FAILED - unknown delivery tag \(tag)"))
    }

    @Test func `turns are taken, those of higher priority first`() throws {
        let (_, client) = try self.made()
        try client.ask(BasicConsume(queue: "q", consumerTag: "a", noAck: true), .basicConsumeOk)
        try client.ask(BasicConsume(queue: "q", consumerTag: "b", noAck: true), .basicConsumeOk)
        for _ in 1...4 { try client.publish(to: "q") }
        func tags() -> [String] {
            client.takeSeen().compactMap {
                if case .basicDeliver(let deliver) = $0.method { deliver.consumerTag } else { nil }
            }
        }
        #expect(tags() == ["a", "b", "a", "b"])
        let first = BasicConsume(queue: "q", consumerTag: "c", noAck: true, arguments: ["x-priority": 5])
        try client.ask(first, .basicConsumeOk)
        for _ in 1...2 { try client.publish(to: "q") }
        #expect(tags() == ["c", "c"])
    }

    @Test func `a message expires at the head, and is dead-lettered with its account`() throws {
        let (rig, client) = try self.made([
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead", "x-message-ttl": 100,
        ])
        try client.ask(QueueDeclare(queue: "dead"), .queueDeclareOk)
        try client.publish([1], to: "q", properties: BasicProperties(expiration: "50"))
        try client.publish([2], to: "q")
        rig.pass(49)
        #expect(rig.queue("q")?.ready == 2)
        rig.pass(1)
        #expect(rig.queue("q")?.ready == 1)
        rig.pass(50)
        #expect(rig.queue("dead")?.ready == 2)
        try client.send(BasicGet(queue: "dead"))
        let dead = try client.next()
        #expect(dead.properties.expiration == nil)
        let death: FieldTable = [
            "count": 1, "reason": "expired", "queue": "q", "time": .timestamp(1_700_000_000), "exchange": "",
            "routing-keys": ["q"], "original-expiration": "50",
        ]
        #expect(
            dead.properties.headers == [
                "x-death": .array([.table(death)]), "x-first-death-exchange": "", "x-first-death-queue": "q",
                "x-first-death-reason": "expired",
            ]
        )
    }

    @Test func `a cycle of expiry is cut, one with a reject in it is not`() throws {
        let (rig, client) = try self.made([
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q", "x-message-ttl": 10,
        ])
        try client.publish([1], to: "q")
        rig.pass(10)
        #expect(rig.queue("q")?.ready == 0)
        try client.publish([1], to: "q")
        try client.send(BasicGet(queue: "q"))
        #expect(try client.deliveries().count == 1)
        try client.send(BasicReject(deliveryTag: 1))
        #expect(rig.queue("q")?.ready == 1)
    }

    @Test func `a full queue drops its head, or refuses what comes`() throws {
        let (rig, client) = try self.made(["x-max-length": 2])
        for number: UInt8 in 1...3 { try client.publish([number], to: "q") }
        #expect(rig.broker.messages(of: "q").map(\.message.body) == [[2], [3]])
        let refusing: FieldTable = ["x-max-length": 1, "x-overflow": "reject-publish"]
        try client.ask(QueueDeclare(queue: "r", arguments: refusing), .queueDeclareOk)
        try client.ask(ConfirmSelect(), .confirmSelectOk)
        try client.publish([1], to: "r")
        try client.expect(.basicAck)
        try client.publish([2], to: "r")
        #expect(try client.next().method == .basicNack(BasicNack(deliveryTag: 2, multiple: true, requeue: true)))
        #expect(rig.broker.messages(of: "r").map(\.message.body) == [[1]])
    }

    @Test func `priorities go first, and what comes back keeps its place`() throws {
        let (_, client) = try self.made(["x-max-priority": 5])
        for (number, priority) in [(1, 0), (2, 9), (3, 5), (4, 2)] as [(UInt8, UInt8)] {
            try client.publish([number], to: "q", properties: BasicProperties(priority: priority))
        }
        try client.send(BasicGet(queue: "q"))
        #expect(try client.deliveries().map(\.body) == [[2]])
        try client.send(BasicReject(deliveryTag: 1, requeue: true))
        try client.ask(BasicConsume(queue: "q", noAck: true), .basicConsumeOk)
        #expect(try client.deliveries().map(\.body) == [[2], [3], [4], [1]])
    }

    @Test func `one consumer at a time, the next when it goes`() throws {
        let (_, client) = try self.made(["x-single-active-consumer": true])
        try client.ask(BasicConsume(queue: "q", consumerTag: "a"), .basicConsumeOk)
        try client.ask(BasicConsume(queue: "q", consumerTag: "b"), .basicConsumeOk)
        for _ in 1...2 { try client.publish(to: "q") }
        #expect(try client.deliveries().count == 2)
        try client.ask(BasicCancel(consumerTag: "a"), .basicCancelOk)
        try client.publish([9], to: "q")
        guard case .basicDeliver(let deliver) = try client.next().method else { return }
        #expect(deliver.consumerTag == "b")
    }

    @Test func `queues of one connection, and those that delete themselves`() throws {
        let (rig, client) = try self.made()
        let other = try rig.connect()
        try other.open(1)
        try other.ask(QueueDeclare(queue: "mine", exclusive: true), .queueDeclareOk)
        try other.ask(QueueDeclare(queue: "auto", autoDelete: true), .queueDeclareOk)
        try client.send(QueueDeclare(queue: "mine", passive: true))
        #expect(try client.closeCode().code == 405)
        try other.ask(BasicConsume(queue: "auto", consumerTag: "c"), .basicConsumeOk)
        try other.ask(BasicCancel(consumerTag: "c"), .basicCancelOk)
        #expect(rig.broker.queues().map(\.name) == ["mine", "q"])
        rig.broker.disconnect(other.id, now: rig.now)
        #expect(rig.broker.queues().map(\.name) == ["q"])
    }

    @Test func `a queue that nobody uses goes when its time is over`() throws {
        let (rig, client) = try self.made(["x-expires": 100])
        rig.pass(99)
        try client.ask(QueueDeclare(queue: "q", durable: true, arguments: ["x-expires": 100]), .queueDeclareOk)
        rig.pass(99)
        #expect(rig.queue("q") != nil)
        rig.pass(1)
        #expect(rig.queue("q") == nil)
    }

    @Test func `consumers are told that their queue is gone (C56)`() throws {
        let (_, client) = try self.made()
        try client.ask(BasicConsume(queue: "q", consumerTag: "c"), .basicConsumeOk)
        try client.send(QueueDelete(queue: "q"))
        try client.expect(.queueDeleteOk)
        #expect(try client.next().method == .basicCancel(BasicCancel(consumerTag: "c", noWait: true)))
    }
}
