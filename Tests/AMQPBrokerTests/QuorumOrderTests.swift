import AMQPBroker
import AMQPWire
import Differential
import TestSupport
import Testing

/// In which order messages leave queues, and reach those that they die into.
@Suite struct QuorumOrderTests {
    private let quorum: FieldTable = ["x-queue-type": "quorum"]

    /// The first octets of what a queue gives to gets, until it is empty.
    private func drained(_ client: RigClient, _ queue: String) throws -> [UInt8] {
        var bodies: [UInt8] = []
        while true {
            try client.send(BasicGet(queue: queue, noAck: true))
            let seen = try client.next()
            guard case .basicGetOk = seen.method else { return bodies }
            bodies.append(seen.body.first ?? 0)
        }
    }

    @Test(arguments: [
        (Profile.rabbitMQ310, [1, 2, 3, 4, 5]), (.rabbitMQ40, [2, 3, 1, 4, 5]), (.rabbitMQ43, [3, 4, 2, 1, 5]),
    ])
    func `priorities of a quorum queue: none, two of those over 4 for one, the highest first`(
        _ profile: Profile,
        _ order: [UInt8]
    ) throws {
        let (_, client) = try Rig.open(profile)
        try client.declare("q", self.quorum)
        let priorities: [UInt8?] = [nil, 5, 9, 6, 1]
        for (index, priority) in priorities.enumerated() {
            try client.publish([UInt8(index + 1)], to: "q", properties: BasicProperties(priority: priority))
        }
        #expect(try self.drained(client, "q") == order)
    }

    @Test func `where two go for one, one over 4 that is older than the other goes all the same`() throws {
        let (_, client) = try Rig.open(.rabbitMQ40)
        try client.declare("q", self.quorum)
        for body: UInt8 in 1...4 { try client.publish([body], to: "q", properties: BasicProperties(priority: 9)) }
        try client.publish([5], to: "q")
        #expect(try self.drained(client, "q") == [1, 2, 3, 4, 5])
    }

    @Test func `what came back to a quorum queue goes before higher priorities`() throws {
        let (_, client) = try Rig.open(.rabbitMQ43)
        try client.declare("q", self.quorum)
        try client.publish([1], to: "q")
        try client.ask(BasicGet(queue: "q"), .basicGetOk)
        try client.publish([2], to: "q", properties: BasicProperties(priority: 9))
        try client.send(BasicNack(deliveryTag: 1, requeue: true))
        #expect(try self.drained(client, "q") == [1, 2])
    }

    @Test func `of each priority of 4_3 what has expired goes; elsewhere what is behind waits`() throws {
        for (profile, left) in [(Profile.rabbitMQ40, 2), (.rabbitMQ43, 1)] {
            let (rig, client) = try Rig.open(profile)
            try client.declare("q", self.quorum)
            try client.publish([1], to: "q", properties: BasicProperties(priority: 9))
            try client.publish([2], to: "q", properties: BasicProperties(expiration: "100"))
            rig.pass(200)
            #expect(rig.queue("q")?.ready == left, "\(profile.version)")
        }
    }

    @Test func `properties count toward the length of a quorum queue of 4_3, not the deaths that are noted in them`()
        throws
    {
        for (profile, left) in [(Profile.rabbitMQ40, 2), (.rabbitMQ43, 1)] {
            let (rig, client) = try Rig.open(profile)
            var arguments = self.quorum
            arguments["x-max-length-bytes"] = 20
            try client.declare("q", arguments)
            for _ in 0..<2 {
                try client.publish([1, 2, 3], to: "q", properties: BasicProperties(correlationID: "123456"))
            }
            #expect(rig.queue("q")?.ready == left, "\(profile.version)")
            try client.declare("from", ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"])
            try client.publish([4], to: "from", properties: BasicProperties(expiration: "0"))
            #expect(rig.queue("q")?.ready == left + 1, "\(profile.version)")
        }
    }

    private typealias Case = (profile: Profile, from: String, to: String, first: String, again: String)

    /// What is said of a dead letter where it comes, at first and after a nack.
    private static let cases: [Case] = [
        (.rabbitMQ310, "quorum", "quorum", "false", "true 1"),
        (.rabbitMQ40, "quorum", "quorum", "true 2", "true 1"),
        (.rabbitMQ40, "classic", "quorum", "false", "true 1"),
        (.rabbitMQ40, "quorum", "classic", "false", "true"),
        (.rabbitMQ43, "quorum", "quorum", "true 2 of 2", "true 2 of 1"),
        (.rabbitMQ43, "classic", "quorum", "true 2 of 2", "true 2 of 1"),
        (.rabbitMQ43, "quorum", "classic", "true", "true"),
        (.rabbitMQ43, "classic", "classic", "true", "true"),
    ]

    @Test(arguments: Self.cases.indices)
    func `how often a dead letter came back before is forgotten, told once, or counted on`(_ index: Int) throws {
        let (profile, from, to, first, again) = Self.cases[index]
        let (_, client) = try Rig.open(profile)
        let arguments: FieldTable = [
            "x-queue-type": .string(from), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "to",
        ]
        try client.declare("q", arguments)
        try client.declare("to", ["x-queue-type": .string(to)])
        try client.publish([1], to: "q")
        try client.open(2)
        try client.ask(BasicGet(queue: "q"), on: 2, .basicGetOk)
        try client.ask(ChannelClose(replyCode: 200, replyText: ""), on: 2, .channelCloseOk)
        try client.ask(BasicGet(queue: "q"), .basicGetOk)
        try client.send(BasicReject(deliveryTag: 1, requeue: false))
        try client.ask(BasicConsume(queue: "to"), .basicConsumeOk)
        #expect(try self.words(client) == first, "\(Self.cases[index])")
        try client.send(BasicNack(deliveryTag: 2, requeue: true))
        #expect(try self.words(client) == again, "\(Self.cases[index])")
    }

    /// Of a delivery: whether it came before, how often it came back, and how often somebody had it.
    private func words(_ client: RigClient) throws -> String {
        let seen = try client.next()
        guard case .basicDeliver(let deliver) = seen.method else { throw PeerFailure("\(seen)") }
        let headers = seen.properties.headers
        let counts = [("", "x-delivery-count"), ("of ", "x-acquired-count")].compactMap { word, key in
            headers?[key]?.intValue.map { " \(word)\($0)" }
        }
        return "\(deliver.redelivered)" + counts.joined()
    }

    @Test func `a nack of several goes by queue and consumer, and so do their dead letters`() throws {
        let (_, client) = try Rig.open()
        let arguments: FieldTable = ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"]
        for queue in ["a", "b"] { try client.declare(queue, arguments) }
        try client.declare("dead")
        try client.ask(BasicQos(prefetchCount: 1), .basicQosOk)
        for (queue, tag) in [("b", "c1"), ("a", "c3"), ("a", "c2")] {
            try client.ask(BasicConsume(queue: queue, consumerTag: tag), .basicConsumeOk)
        }
        for (body, queue) in [(1, "b"), (2, "a"), (3, "a")] as [(UInt8, String)] {
            try client.publish([body], to: queue)
        }
        let got = try client.takeSeen().map { seen -> (tag: String, body: UInt8) in
            guard case .basicDeliver(let deliver) = seen.method else { throw PeerFailure("\(seen)") }
            return (deliver.consumerTag, seen.body[0])
        }
        try client.send(BasicNack(deliveryTag: 3, multiple: true, requeue: false))
        let expected = ["c2", "c3", "c1"].compactMap { tag in got.first { $0.tag == tag }?.body }
        #expect(try self.drained(client, "dead") == expected)
    }

    @Test func `what dies by publishes in one write comes behind what else is published with them`() throws {
        let (_, client) = try Rig.open()
        let arguments: FieldTable = [
            "x-max-length": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "b",
        ]
        try client.declare("a", arguments)
        try client.declare("b")
        var octets: [UInt8] = []
        for (body, queue) in [(1, "a"), (2, "a"), (3, "b")] as [(UInt8, String)] {
            octets += try Octets.content(BasicPublish(routingKey: queue), [body], on: 1)
        }
        client.sendRaw(octets)
        #expect(try self.drained(client, "b") == [3, 1])
    }
}
