import AMQPBroker
import AMQPWire
import Differential
import Testing
import TestSupport

/// Where releases differ, and quorum queues, where they differ most.
@Suite struct ProfileTests {
    private func made(_ profile: Profile, _ arguments: FieldTable = [:]) throws -> (Rig, RigClient) {
        let rig = Rig(BrokerSettings(profile: profile))
        let client = try rig.connect()
        try client.open(1)
        var arguments = arguments
        arguments["x-queue-type"] = "quorum"
        try client.ask(QueueDeclare(queue: "q", durable: true, arguments: arguments), .queueDeclareOk)
        return (rig, client)
    }

    /// Gives a message back by `nack` until it is gone; how often it was handed out.
    private func deliveries(_ rig: Rig, _ client: RigClient, byReject: Bool) throws -> Int {
        try client.publish(to: "q")
        for round in 1...30 {
            try client.send(BasicGet(queue: "q"))
            guard case .basicGetOk(let got) = try client.next().method else { return round - 1 }
            if byReject {
                try client.send(BasicReject(deliveryTag: got.deliveryTag, requeue: true))
            } else {
                try client.send(BasicNack(deliveryTag: got.deliveryTag, multiple: false, requeue: true))
            }
        }
        return 30
    }

    @Test func `what counts toward a delivery limit`() throws {
        for (profile, nacks) in [(Profile.rabbitMQ310, 4), (.rabbitMQ40, 4), (.rabbitMQ43, 30)] {
            let (rig, client) = try self.made(profile, ["x-delivery-limit": 3])
            #expect(try self.deliveries(rig, client, byReject: false) == nacks, "\(profile.version)")
            try client.ask(QueuePurge(queue: "q"), .queuePurgeOk)
            #expect(try self.deliveries(rig, client, byReject: true) == 4, "\(profile.version)")
        }
    }

    @Test func `the limit unless set`() throws {
        for (profile, count) in [(Profile.rabbitMQ310, 30), (.rabbitMQ40, 21), (.rabbitMQ43, 21)] {
            let (rig, client) = try self.made(profile)
            #expect(try self.deliveries(rig, client, byReject: true) == count, "\(profile.version)")
        }
    }

    @Test func `a quorum queue says how often a message came back, and hands those out first`() throws {
        let (_, client) = try self.made(.rabbitMQ310)
        for number: UInt8 in 1...3 { try client.publish([number], to: "q") }
        for _ in 1...2 { try client.send(BasicGet(queue: "q")) }
        _ = try client.deliveries()
        try client.send(BasicReject(deliveryTag: 2, requeue: true))
        try client.send(BasicReject(deliveryTag: 1, requeue: true))
        try client.ask(BasicConsume(queue: "q", noAck: true), .basicConsumeOk)
        let seen = client.takeSeen()
        #expect(seen.map(\.body) == [[2], [1], [3]])
        #expect(seen.map { $0.properties.headers?["x-delivery-count"] } == [1, 1, nil])
    }

    @Test func `tables come back as sent, or sorted (C29)`() throws {
        let headers: FieldTable = ["b": 1, "a": 2]
        for (profile, keys) in [(Profile.rabbitMQ310, ["b", "a"]), (.rabbitMQ40, ["a", "b"])] {
            let (_, client) = try self.made(profile)
            try client.ask(QueueDeclare(queue: "c", durable: true), .queueDeclareOk)
            try client.publish(to: "c", properties: BasicProperties(headers: headers))
            try client.send(BasicGet(queue: "c"))
            #expect(try client.next().properties.headers?.keys == keys)
        }
    }

    @Test func `a body longer than announced is found with the next frame, or at once (C24)`() throws {
        for (profile, code) in [(Profile.rabbitMQ310, 505), (.rabbitMQ43, 501)] as [(Profile, UInt16)] {
            let (_, client) = try self.made(profile)
            let publish = try Octets.content(BasicPublish(routingKey: "q"), [1, 2], on: 1)
            client.sendRaw(Array(publish.dropLast(10)) + Octets.frame(3, 1, [1, 2, 3]))
            #expect(client.seen.isEmpty == (code == 505))
            if code == 505 { try client.send(BasicQos(prefetchCount: 1)) }
            #expect(try client.closeCode().code == code)
        }
    }

    @Test func `a prefetch of the channel is one of each consumer in 4.3 (C57)`() throws {
        for (profile, count) in [(Profile.rabbitMQ310, 3), (.rabbitMQ43, 6)] {
            let rig = Rig(BrokerSettings(profile: profile))
            let client = try rig.connect()
            try client.open(1)
            try client.ask(QueueDeclare(queue: "c", durable: true), .queueDeclareOk)
            for _ in 1...9 { try client.publish(to: "c") }
            try client.ask(BasicQos(prefetchCount: 3, global: true), .basicQosOk)
            for tag in ["a", "b"] { try client.send(BasicConsume(queue: "c", consumerTag: tag)) }
            #expect(client.takeSeen().count { $0.method.id == .basicDeliver } == count, "\(profile.version)")
        }
    }
}

/// Deliveries that nobody settles, in 4.3.
@Suite struct LateConsumerTests {
    private func made(_ type: FieldValue) throws -> (Rig, RigClient) {
        var settings = BrokerSettings(profile: .rabbitMQ43)
        settings.consumerTimeout = 1_000
        let rig = Rig(settings)
        let client = try rig.connect()
        try client.open(1)
        try client.ask(QueueDeclare(queue: "q", durable: true, arguments: ["x-queue-type": type]), .queueDeclareOk)
        for _ in 1...2 { try client.publish(to: "q") }
        try client.ask(BasicConsume(queue: "q", consumerTag: "c"), .basicConsumeOk)
        #expect(try client.deliveries().count == 2)
        rig.pass(1_000)
        return (rig, client)
    }

    @Test func `a quorum queue cancels the consumer, and has all back (C61)`() throws {
        let (rig, client) = try self.made("quorum")
        #expect(client.takeSeen().map(\.method) == [.basicCancel(BasicCancel(consumerTag: "c", noWait: true))])
        #expect(rig.queue("q") == .init(name: "q", ready: 2, unacked: 0, consumers: 0))
        #expect(rig.broker.messages(of: "q").map(\.deliveryCount) == [0, 0])
    }

    @Test func `a classic queue waits`() throws {
        let (rig, client) = try self.made("classic")
        rig.pass(100_000)
        #expect(client.takeSeen().isEmpty)
        #expect(rig.queue("q")?.unacked == 2)
    }
}
