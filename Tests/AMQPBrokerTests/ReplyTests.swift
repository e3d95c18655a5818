import AMQPBroker
import AMQPWire
import Differential
import Testing
import TestSupport

/// Direct reply-to, and dead letters that wait.
@Suite struct ReplyTests {
    private static let place = "amq.rabbitmq.reply-to"

    private func made(_ profile: Profile = .rabbitMQ310) throws -> (asking: RigClient, answering: RigClient) {
        let rig = Rig(BrokerSettings(profile: profile))
        let clients = try (rig.connect(), rig.connect())
        try clients.0.open(1)
        try clients.1.open(1)
        try clients.0.ask(QueueDeclare(queue: "q", durable: true), .queueDeclareOk)
        return clients
    }

    @Test func `a reply comes to the channel that asked, without a queue`() throws {
        let (asking, answering) = try self.made()
        try asking.ask(BasicConsume(queue: Self.place, consumerTag: "r", noAck: true), .basicConsumeOk)
        try asking.publish([1], to: "q", properties: BasicProperties(replyTo: Self.place))
        try answering.send(BasicGet(queue: "q", noAck: true))
        let replyTo = try #require(try answering.next().properties.replyTo)
        #expect(replyTo.hasPrefix(Self.place + "."))
        try answering.ask(QueueDeclare(queue: replyTo, passive: true), .queueDeclareOk)
        try answering.publish([2], to: replyTo)
        let reply = try asking.next()
        #expect(reply.body == [2])
        guard case .basicDeliver(let deliver) = reply.method else { throw PeerFailure("no delivery: \(reply)") }
        #expect(
            deliver
                == BasicDeliver(consumerTag: "r", deliveryTag: 1, redelivered: false, exchange: "", routingKey: replyTo)
        )
        try asking.ask(BasicCancel(consumerTag: "r"), .basicCancelOk)
        try answering.publish([3], to: replyTo, mandatory: true)
        try answering.expect(.basicReturn)
        #expect(asking.seen.isEmpty)
    }

    @Test func `who has no consumer for replies can not ask for them, and one is enough`() throws {
        let (asking, _) = try self.made()
        try asking.publish([1], to: "q", properties: BasicProperties(replyTo: Self.place))
        #expect(try asking.closeCode().text == "PRECONDITION_FAILED - fast reply consumer does not exist")
        let (acking, _) = try self.made()
        try acking.send(BasicConsume(queue: Self.place))
        #expect(try acking.closeCode().text == "PRECONDITION_FAILED - reply consumer cannot acknowledge")
        let (twice, _) = try self.made()
        try twice.ask(BasicConsume(queue: Self.place, consumerTag: "a", noAck: true), .basicConsumeOk)
        try twice.send(BasicConsume(queue: Self.place, consumerTag: "b", noAck: true))
        #expect(try twice.closeCode().text == "PRECONDITION_FAILED - reply consumer already set")
    }

    @Test func `dead letters wait while their target is full, where at-least-once is asked for`() throws {
        let (client, _) = try self.made()
        let full: FieldTable = ["x-max-length": 1, "x-overflow": "reject-publish"]
        try client.ask(QueueDeclare(queue: "dead", durable: true, arguments: full), .queueDeclareOk)
        try client.ask(
            QueueDeclare(
                queue: "quorum",
                durable: true,
                arguments: [
                    "x-queue-type": "quorum", "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
                    "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
                ]
            ),
            .queueDeclareOk
        )
        for body: UInt8 in 1...3 { try client.publish([body], to: "quorum") }
        for _ in 1...3 { try client.send(BasicGet(queue: "quorum")) }
        try client.send(BasicReject(deliveryTag: 3, requeue: false))
        try client.send(BasicNack(deliveryTag: 2, multiple: true, requeue: false))
        _ = client.takeSeen()
        var bodies: [[UInt8]] = []
        for _ in 1...4 {
            try client.send(BasicGet(queue: "dead", noAck: true))
            bodies.append(try client.next().body)
        }
        #expect(bodies == [[3], [1], [2], []])
    }
}
