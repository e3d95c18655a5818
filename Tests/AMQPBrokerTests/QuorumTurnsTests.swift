import AMQPBroker
import AMQPWire
import Differential
import Testing
import TestSupport

/// Whose turn it is at a quorum queue with a single active consumer.
@Suite struct QuorumTurnsTests {
    /// A client with three consumers, one on each channel, the first with the lowest priority and the third with the highest;
    /// the queue holds five messages, of which each consumer may hold one.
    private func made(_ profile: Profile) throws -> RigClient {
        let client = try Rig(BrokerSettings(profile: profile)).connect()
        let arguments: FieldTable = ["x-queue-type": "quorum", "x-single-active-consumer": true]
        for channel in 1...3 as ClosedRange<UInt16> {
            try client.open(channel)
            try client.ask(BasicQos(prefetchCount: 1), on: channel, .basicQosOk)
            try client.ask(QueueDeclare(queue: "q", durable: true, arguments: arguments), on: channel, .queueDeclareOk)
            let priority = FieldValue.int64(Int64(channel))
            let consume = BasicConsume(queue: "q", consumerTag: "c\(channel)", arguments: ["x-priority": priority])
            try client.ask(consume, on: channel, .basicConsumeOk)
            guard channel == 1 else { continue }
            for body in 1...5 as ClosedRange<UInt8> { try client.publish([body], to: "q") }
            #expect(try self.delivery(client) == "1 on 1")
        }
        return client
    }

    private func delivery(_ client: RigClient) throws -> String {
        let seen = try client.next()
        return "\(seen.body[0]) on \(seen.channel)"
    }

    @Test func `3.10 goes by who came first`() throws {
        let client = try self.made(.rabbitMQ310)
        try client.send(BasicAck(deliveryTag: 1))
        #expect(try self.delivery(client) == "2 on 1")
        try client.ask(BasicCancel(consumerTag: "c1"), .basicCancelOk)
        #expect(try self.delivery(client) == "3 on 2")
        try client.ask(BasicCancel(consumerTag: "c2"), on: 2, .basicCancelOk)
        #expect(try self.delivery(client) == "4 on 3")
    }

    @Test func `4.0 and later go by priority, and one that holds a message gives way when it is settled`() throws {
        for profile in [Profile.rabbitMQ40, .rabbitMQ43] {
            let client = try self.made(profile)
            #expect(client.seen.isEmpty)
            try client.send(BasicAck(deliveryTag: 1))
            #expect(try self.delivery(client) == "2 on 3")
            try client.send(BasicAck(deliveryTag: 1), on: 3)
            #expect(try self.delivery(client) == "3 on 3")
            try client.ask(BasicCancel(consumerTag: "c3"), on: 3, .basicCancelOk)
            #expect(try self.delivery(client) == "4 on 2")
        }
    }
}
