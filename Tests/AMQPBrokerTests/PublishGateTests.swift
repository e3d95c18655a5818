import AMQPBroker
import AMQPWire
import Differential
import TestSupport
import Testing

/// Whom a quorum queue with `reject-publish` tells that it holds too much, and when.
@Suite struct PublishGateTests {
    private func client(_ limit: Int) throws -> (rig: Rig, client: RigClient) {
        let rig = Rig(BrokerSettings(profile: .rabbitMQ310))
        let client = try rig.connect()
        try client.open(1, 2)
        let arguments: FieldTable = [
            "x-queue-type": "quorum", "x-overflow": "reject-publish", "x-max-length": .int64(Int64(limit)),
        ]
        try client.ask(QueueDeclare(queue: "q", durable: true, arguments: arguments), .queueDeclareOk)
        for channel: UInt16 in [1, 2] { try client.ask(ConfirmSelect(), on: channel, .confirmSelectOk) }
        return (rig, client)
    }

    /// Whether a publish is taken.
    private func isTaken(_ client: RigClient, on channel: UInt16 = 1) throws -> Bool {
        try client.publish(to: "q", on: channel)
        return try client.next().method.id == .basicAck
    }

    private func take(_ client: RigClient, _ count: Int) throws {
        for _ in 0..<count { try client.ask(BasicGet(queue: "q", noAck: true), .basicGetOk) }
    }

    @Test func `it takes one too many, then none until it holds four fifths`() throws {
        let (rig, client) = try self.client(5)
        for _ in 1...6 { #expect(try self.isTaken(client)) }
        #expect(try !self.isTaken(client))
        try self.take(client, 1)
        #expect(try !self.isTaken(client), "5 of 5")
        try self.take(client, 1)
        #expect(try self.isTaken(client), "4 of 5")
        #expect(rig.queue("q")?.ready == 5)
    }

    @Test func `publishes in one write are all taken: its word comes behind them`() throws {
        let (rig, client) = try self.client(1)
        #expect(try self.isTaken(client))
        client.sendRaw(
            try (0..<5).flatMap { _ in try Octets.content(BasicPublish(routingKey: "q"), [1], on: 1) }
        )
        #expect(rig.queue("q")?.ready == 6)
        _ = client.takeSeen()
        #expect(try !self.isTaken(client))
    }

    @Test func `who comes while it holds too much is told at once, who comes between the two limits is not`() throws {
        let (_, client) = try self.client(10)
        for _ in 1...11 { #expect(try self.isTaken(client)) }
        #expect(try !self.isTaken(client, on: 2))
        try self.take(client, 2)
        #expect(try !self.isTaken(client, on: 2), "9 of 10, and it has been told")
        try client.open(3)
        try client.ask(ConfirmSelect(), on: 3, .confirmSelectOk)
        for _ in 1...2 { #expect(try self.isTaken(client, on: 3), "nobody has told it") }
        #expect(try !self.isTaken(client, on: 3), "11 of 10")
    }

    @Test
    func `dead letters that wait for it go as soon as it has told that there is room, with nothing else going on`()
        throws
    {
        let (rig, client) = try self.client(1)
        let arguments: FieldTable = [
            "x-queue-type": "quorum", "x-overflow": "reject-publish", "x-dead-letter-strategy": "at-least-once",
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q",
        ]
        try client.ask(QueueDeclare(queue: "from", durable: true, arguments: arguments), .queueDeclareOk)
        for _ in 1...2 { #expect(try self.isTaken(client)) }
        try client.publish([7], to: "from")
        try client.expect(.basicAck)
        try client.ask(BasicGet(queue: "from"), on: 2, .basicGetOk)
        try client.send(BasicReject(deliveryTag: 1, requeue: false), on: 2)
        #expect(rig.queue("q")?.ready == 2)
        try client.ask(QueuePurge(queue: "q"), .queuePurgeOk)
        #expect(rig.queue("q")?.ready == 1)
    }

    @Test func `what dies in another queue asks nobody`() throws {
        let (rig, client) = try self.client(1)
        let arguments: FieldTable = ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"]
        try client.ask(QueueDeclare(queue: "from", durable: true, arguments: arguments), .queueDeclareOk)
        for _ in 1...2 { #expect(try self.isTaken(client)) }
        #expect(try !self.isTaken(client))
        try client.publish(to: "from", properties: BasicProperties(expiration: "0"))
        #expect(rig.queue("q")?.ready == 3)
    }
}
