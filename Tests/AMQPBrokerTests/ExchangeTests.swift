@testable import AMQPBroker
import AMQPWire
import Differential
import Testing
import TestSupport

/// Where messages go.
@Suite struct ExchangeTests {
    @Test(arguments: [
        ("a.b", "a.b", true), ("a.*", "a.b", true), ("a.*", "a", false), ("a.#", "a", true), ("#", "", true),
        ("#.c", "a.b.c", true), ("a.#.c", "a.c", true), ("a.#.c.*", "a.b.c.c.d", true), ("*", "a.b", false),
        ("#.#", "x", true), ("a.*.#", "a", false), ("*.*", ".", true), ("", "", true), ("a", "", false),
    ])
    func `a topic's pattern is words, any word, any number of words`(pattern: String, key: String, fits: Bool) {
        #expect(TopicPattern(pattern).matches(TopicPattern.words(key)) == fits)
    }

    @Test func `headers match all or any, and those of the broker only if asked`() {
        #expect(
            HeadersMatch.matches(["x-match": "all", "a": 1, "b": .void], ["a": .int32(1), "b": "x"], exactly: false)
        )
        #expect(!HeadersMatch.matches(["a": 1, "b": 2], ["a": 1], exactly: false))
        #expect(HeadersMatch.matches(["x-match": "any", "a": 1, "b": 2], ["a": 1], exactly: false))
        #expect(!HeadersMatch.matches(["x-match": "any"], ["a": 1], exactly: false))
        #expect(HeadersMatch.matches(["x-a": 1], [:], exactly: false))
        #expect(!HeadersMatch.matches(["x-match": "all-with-x", "x-a": 1], [:], exactly: false))
    }

    private func made() throws -> (Rig, RigClient) {
        let rig = Rig()
        let client = try rig.connect()
        try client.open(1)
        for queue in ["q1", "q2"] { try client.ask(QueueDeclare(queue: queue), .queueDeclareOk) }
        return (rig, client)
    }

    @Test(arguments: [("direct", "k", [1, 0]), ("fanout", "z", [1, 1]), ("topic", "k.1", [0, 1])])
    func `each type routes its own way`(type: String, key: String, counts: [Int]) throws {
        let (rig, client) = try self.made()
        try client.ask(ExchangeDeclare(exchange: "x", type: type), .exchangeDeclareOk)
        try client.ask(QueueBind(queue: "q1", exchange: "x", routingKey: "k"), .queueBindOk)
        try client.ask(QueueBind(queue: "q2", exchange: "x", routingKey: "k.*"), .queueBindOk)
        try client.publish(to: key, exchange: "x")
        #expect([rig.queue("q1")?.ready, rig.queue("q2")?.ready] == counts)
        try client.ask(QueueUnbind(queue: "q1", exchange: "x", routingKey: "k"), .queueUnbindOk)
        try client.ask(QueueUnbind(queue: "q2", exchange: "x", routingKey: "k.*"), .queueUnbindOk)
        try client.publish(to: key, exchange: "x", mandatory: true)
        guard case .basicReturn(let returned) = try client.next().method else { return }
        #expect(returned == BasicReturn(replyCode: 312, replyText: "NO_ROUTE", exchange: "x", routingKey: key))
    }

    @Test func `exchanges lead to exchanges, and to the alternate one if to nothing else; each queue gets one copy`()
        throws
    {
        let (rig, client) = try self.made()
        try client.ask(ExchangeDeclare(exchange: "last", type: "fanout", internal: true), .exchangeDeclareOk)
        try client.ask(QueueBind(queue: "q2", exchange: "last"), .queueBindOk)
        let arguments: FieldTable = ["alternate-exchange": "last"]
        try client.ask(ExchangeDeclare(exchange: "x", type: "direct", arguments: arguments), .exchangeDeclareOk)
        try client.ask(ExchangeDeclare(exchange: "y", type: "fanout"), .exchangeDeclareOk)
        try client.ask(ExchangeBind(destination: "y", source: "x", routingKey: "k"), .exchangeBindOk)
        try client.ask(QueueBind(queue: "q1", exchange: "y"), .queueBindOk)
        try client.ask(QueueBind(queue: "q1", exchange: "x", routingKey: "k"), .queueBindOk)
        try client.publish(to: "k", exchange: "x")
        try client.publish(to: "other", exchange: "x")
        #expect([rig.queue("q1")?.ready, rig.queue("q2")?.ready] == [1, 1])
        try client.publish(to: "k", exchange: "last")
        #expect(
            try client.closeCode() == (403, "ACCESS_REFUSED - cannot publish to internal exchange 'last' in vhost '/'")
        )
    }

    @Test func `a publish with its return comes back before its confirm (C49)`() throws {
        let (_, client) = try self.made()
        try client.ask(ConfirmSelect(), .confirmSelectOk)
        try client.publish([7], to: "nowhere", mandatory: true)
        #expect(try client.next().method.id == .basicReturn)
        #expect(try client.next().method == .basicAck(BasicAck(deliveryTag: 1)))
    }

    @Test func `publishes in one read are confirmed together (C48)`() throws {
        let (_, client) = try self.made()
        try client.ask(ConfirmSelect(), .confirmSelectOk)
        let one = try Octets.content(BasicPublish(routingKey: "q1"), [1], on: 1)
        client.sendRaw(one + one + one)
        #expect(client.takeSeen().map(\.method) == [.basicAck(BasicAck(deliveryTag: 3, multiple: true))])
    }
}
