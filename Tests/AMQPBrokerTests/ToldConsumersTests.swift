import AMQPBroker
import AMQPWire
import Differential
import Testing
import TestSupport

/// How many consumers a declaration is told (found by `ops/differential`).
@Suite struct ToldConsumersTests {
    /// A broker with one queue that holds three messages, and a client with two channels.
    private func made(_ profile: Profile, _ arguments: FieldTable) throws -> RigClient {
        let client = try Rig(BrokerSettings(profile: profile)).connect()
        try client.open(1, 2)
        try client.ask(QueueDeclare(queue: "q", durable: true, arguments: arguments), .queueDeclareOk)
        for body in 1...3 as ClosedRange<UInt8> { try client.publish([body], to: "q") }
        return client
    }

    private func told(_ client: RigClient) throws -> UInt32 {
        let method = try client.ask(QueueDeclare(queue: "q", passive: true), on: 2, .queueDeclareOk)
        guard case .queueDeclareOk(let ok) = method else { return .max }
        return ok.consumerCount
    }

    private static let types: [(FieldValue, UInt32)] = [("classic", 0), ("quorum", 1)]
    private static let profiles = [Profile.rabbitMQ310, .rabbitMQ40, .rabbitMQ43]

    @Test func `what a get holds of a quorum queue counts as a consumer each, until it is settled`() throws {
        for (profile, (type, count)) in Self.profiles.flatMap({ profile in Self.types.map { (profile, $0) } }) {
            let client = try self.made(profile, ["x-queue-type": type])
            for tag in 1...2 as ClosedRange<UInt32> {
                try client.ask(BasicGet(queue: "q"), .basicGetOk)
                #expect(try self.told(client) == tag * count)
            }
            try client.ask(BasicGet(queue: "q", noAck: true), .basicGetOk)
            #expect(try self.told(client) == 2 * count)
            try client.send(BasicAck(deliveryTag: 1))
            #expect(try self.told(client) == count)
            try client.send(BasicNack(deliveryTag: 2, requeue: true))
            #expect(try self.told(client) == 0)
        }
    }

    @Test func `a cancelled consumer of a quorum queue counts while it holds messages`() throws {
        for (profile, (type, count)) in Self.profiles.flatMap({ profile in Self.types.map { (profile, $0) } }) {
            let client = try self.made(profile, ["x-queue-type": type])
            try client.ask(BasicQos(prefetchCount: 2), .basicQosOk)
            try client.ask(BasicConsume(queue: "q", consumerTag: "c"), .basicConsumeOk)
            #expect(try client.deliveries().count == 2)
            #expect(try self.told(client) == 1)
            try client.ask(BasicCancel(consumerTag: "c"), .basicCancelOk)
            #expect(try self.told(client) == count)
            try client.send(BasicAck(deliveryTag: 1))
            #expect(try self.told(client) == count)
            try client.send(BasicAck(deliveryTag: 2))
            #expect(try self.told(client) == 0)
        }
    }

    @Test func `of the consumers of a quorum queue that take turns only the one whose turn it is counts`() throws {
        for (type, count) in [("classic", 2), ("quorum", 1)] as [(FieldValue, UInt32)] {
            let client = try self.made(.rabbitMQ310, ["x-queue-type": type, "x-single-active-consumer": true])
            for tag in ["a", "b"] { try client.send(BasicConsume(queue: "q", consumerTag: tag, noWait: true)) }
            #expect(try client.deliveries().count == 3)
            #expect(try self.told(client) == count)
        }
    }
}
