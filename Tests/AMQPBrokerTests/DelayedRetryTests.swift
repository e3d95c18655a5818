import AMQPBroker
import AMQPWire
import Differential
import Testing

/// What comes back to a quorum queue of 4.3 and is to wait, as that release has been seen to do it.
@Suite struct DelayedRetryTests {
    private enum Way: CaseIterable { case reject, nack, recover, close }

    private func arguments(_ type: String, _ more: FieldTable = ["x-delayed-retry-max": 1_000]) -> FieldTable {
        var all = more
        all["x-queue-type"] = "quorum"
        all["x-delayed-retry-type"] = .string(type)
        if all["x-delayed-retry-min"] == nil { all["x-delayed-retry-min"] = 400 }
        all["x-delivery-limit"] = 50
        return all
    }

    /// Gets the message and gives it back, some times.
    ///
    /// - Returns: How long it was away each time.
    private func waits(_ way: Way, _ arguments: FieldTable, times: Int = 3) throws -> [UInt64] {
        let (rig, client) = try Rig.open(.rabbitMQ43)
        try client.declare("q", arguments)
        try client.publish(to: "q")
        var waits: [UInt64] = []
        for _ in 0..<times {
            guard case .basicGetOk(let got) = try client.ask(BasicGet(queue: "q"), .basicGetOk) else { return [] }
            switch way {
            case .reject: try client.send(BasicReject(deliveryTag: got.deliveryTag, requeue: true))
            case .nack: try client.send(BasicNack(deliveryTag: got.deliveryTag, requeue: true))
            case .recover: try client.ask(BasicRecover(requeue: true), .basicRecoverOk)
            case .close:
                try client.ask(
                    ChannelClose(replyCode: ReplyCode(rawValue: 200), replyText: "", classID: 0, methodID: 0),
                    .channelCloseOk
                )
                try client.open(1)
            }
            var wait: UInt64 = 0
            while rig.queue("q")?.ready == 0, wait < 5_000 {
                rig.pass(100)
                wait += 100
            }
            waits.append(wait)
        }
        return waits
    }

    @Test func `the type says what waits, the count how long, the limit at most`() throws {
        for way in Way.allCases {
            let counts = way == .reject || way == .close
            let longer: [UInt64] = counts ? [400, 800, 1_000] : [400, 400, 400]
            #expect(try self.waits(way, self.arguments("all")) == longer)
            #expect(try self.waits(way, self.arguments("failed")) == (counts ? longer : [0, 0, 0]))
            #expect(try self.waits(way, self.arguments("returned")) == (counts ? [0, 0, 0] : longer))
            #expect(try self.waits(way, self.arguments("disabled")) == [0, 0, 0])
            #expect(try self.waits(way, self.arguments("nonsense")) == [0, 0, 0])
        }
    }

    @Test func `without a largest wait the least is the only one, and without a least there is none`() throws {
        #expect(try self.waits(.reject, self.arguments("all", [:])) == [400, 400, 400])
        let swapped: FieldTable = ["x-delayed-retry-min": 800, "x-delayed-retry-max": 400]
        #expect(try self.waits(.reject, self.arguments("all", swapped)) == [400, 400, 400])
        for least in [FieldValue.int32(0), -5, "a"] {
            let none: FieldTable = ["x-delayed-retry-min": least, "x-delayed-retry-max": 400]
            #expect(try self.waits(.reject, self.arguments("all", none)) == [0, 0, 0])
        }
    }

    @Test func `what has waited goes out before the rest, first what was due first, also to a consumer that waits`()
        throws
    {
        let (rig, client) = try Rig.open(.rabbitMQ43)
        try client.declare("q", self.arguments("all"))
        for body in 1...3 { try client.publish([UInt8(body)], to: "q") }
        for _ in 1...2 { try client.ask(BasicGet(queue: "q"), .basicGetOk) }
        try client.send(BasicReject(deliveryTag: 2, requeue: true))
        rig.pass(50)
        try client.send(BasicReject(deliveryTag: 1, requeue: true))
        rig.pass(400)
        try client.ask(BasicConsume(queue: "q", consumerTag: "c"), .basicConsumeOk)
        #expect(try client.deliveries().map(\.body) == [[2], [1], [3]])
        try client.send(BasicNack(deliveryTag: 4, requeue: true))
        #expect(try client.deliveries().isEmpty)
        rig.pass(400)
        #expect(try client.deliveries().map(\.body) == [[1]])
    }

    @Test func `a consumer gets what has waited, though somebody else has looked at the queue at that moment`() throws {
        let (rig, client) = try Rig.open(.rabbitMQ43)
        try client.declare("q", self.arguments("all"))
        try client.publish(to: "q")
        try client.ask(BasicConsume(queue: "q", consumerTag: "c"), .basicConsumeOk)
        #expect(try client.deliveries().map(\.tag) == [1])
        try client.send(BasicReject(deliveryTag: 1, requeue: true))
        let other = try rig.connect()
        try other.open(1)
        rig.now += 400
        try other.ask(QueueDeclare(queue: "q", passive: true), .queueDeclareOk)
        rig.pass(0)
        #expect(try client.deliveries().map(\.tag) == [2])
    }

    @Test func `what waits counts toward the length, is purged, and expires when it is back`() throws {
        let (rig, client) = try Rig.open(.rabbitMQ43)
        try client.declare("dead")
        let rest: FieldTable = [
            "x-max-length": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
        ]
        try client.declare("q", self.arguments("all", rest))
        try client.publish([1], to: "q")
        try client.ask(BasicGet(queue: "q"), .basicGetOk)
        try client.send(BasicReject(deliveryTag: 1, requeue: true))
        for body in 2...3 { try client.publish([UInt8(body)], to: "q") }
        #expect(rig.queue("dead")?.ready == 2)
        #expect(rig.queue("q")?.ready == 0)
        #expect(rig.broker.heldMessages == 3)
        guard case .queuePurgeOk(let purged) = try client.ask(QueuePurge(queue: "q"), .queuePurgeOk) else { return }
        #expect(purged.messageCount == 1)
        rig.pass(1_000)
        #expect(rig.queue("q")?.ready == 0)
        try client.publish([4], to: "q", properties: BasicProperties(expiration: "200"))
        try client.ask(BasicGet(queue: "q"), .basicGetOk)
        try client.send(BasicReject(deliveryTag: 2, requeue: true))
        rig.pass(300)
        #expect(rig.queue("dead")?.ready == 2)
        rig.pass(100)
        #expect(rig.queue("dead")?.ready == 3)
        #expect(rig.queue("q")?.ready == 0)
    }

    @Test func `releases before 4.3 have none`() throws {
        let (rig, client) = try Rig.open(.rabbitMQ40)
        try client.declare("q", self.arguments("all"))
        try client.publish(to: "q")
        try client.ask(BasicGet(queue: "q"), .basicGetOk)
        try client.send(BasicReject(deliveryTag: 1, requeue: true))
        #expect(rig.queue("q")?.ready == 1)
    }
}
