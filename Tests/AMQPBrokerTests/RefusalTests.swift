import AMQPBroker
import AMQPWire
import Differential
import Testing
import TestSupport

/// What is refused, with which code, and what that ends.
@Suite struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let code: UInt16
        let endsConnection: Bool
        let methods: [any AMQPMethod]
        var testDescription: String { self.name }

        init(_ name: String, _ code: UInt16, endsConnection: Bool = false, _ methods: any AMQPMethod...) {
            self.name = name
            self.code = code
            self.endsConnection = endsConnection
            self.methods = methods
        }
    }

    static let cases = [
        Case("a queue that is not there", 404, QueueDeclare(queue: "none", passive: true)),
        Case("an exchange that is not there", 404, ExchangeDeclare(exchange: "none", type: "", passive: true)),
        Case("a reserved name", 403, QueueDeclare(queue: "amq.mine")),
        Case("a queue declared otherwise", 406, QueueDeclare(queue: "q"), QueueDeclare(queue: "q", durable: true)),
        Case("the default exchange", 403, QueueBind(queue: "q", exchange: "", routingKey: "k")),
        Case("no queue to mean", 404, QueuePurge(queue: "")),
        Case("an unknown type of exchange", 503, endsConnection: true, ExchangeDeclare(exchange: "x", type: "odd")),
        Case("a second open", 504, endsConnection: true, ChannelOpen()),
        Case("a limit in octets", 540, endsConnection: true, BasicQos(prefetchSize: 1, prefetchCount: 1)),
        Case("flow off", 540, endsConnection: true, ChannelFlow(active: false)),
        Case("recovery elsewhere", 540, endsConnection: true, BasicRecover(requeue: false)),
        Case(
            "a method of the broker's",
            503,
            endsConnection: true,
            QueueDeclareOk(queue: "q", messageCount: 0, consumerCount: 0)
        ),
        Case("an answer that nobody waits for", 503, endsConnection: true, ChannelCloseOk()),
        Case("a commit without a transaction", 406, TxCommit()),
        Case("confirms in a transaction", 406, TxSelect(), ConfirmSelect()),
        Case(
            "a tag twice",
            530,
            endsConnection: true,
            QueueDeclare(queue: "q"),
            BasicConsume(queue: "q", consumerTag: "c"),
            BasicConsume(queue: "q", consumerTag: "c")
        ),
        Case(
            "a second consumer of one alone",
            403,
            QueueDeclare(queue: "q"),
            BasicConsume(queue: "q", exclusive: true),
            BasicConsume(queue: "q")
        ),
        Case(
            "one alone where one is active",
            403,
            QueueDeclare(queue: "q", arguments: ["x-single-active-consumer": true]),
            BasicConsume(queue: "q", exclusive: true)
        ),
        Case("a time to live below 0", 406, QueueDeclare(queue: "q", arguments: ["x-message-ttl": -1])),
    ]

    @Test(arguments: Self.cases)
    func `what is refused ends the channel, or the connection`(_ refused: Case) throws {
        let client = try Rig().connect()
        try client.open(1)
        for method in refused.methods { try client.send(method) }
        while let seen = client.seen.first, seen.method.id != .channelClose, seen.method.id != .connectionClose {
            _ = try client.next()
        }
        let id = client.seen.first?.method.id
        #expect(id == (refused.endsConnection ? .connectionClose : .channelClose))
        let (code, text) = try client.closeCode()
        #expect(code == refused.code, "\(text)")
        guard !refused.endsConnection else { return }
        // Ignored until close-ok; then the number is free.
        try client.send(BasicAck(deliveryTag: 1))
        try client.send(ChannelCloseOk())
        try client.open(1)
    }

    @Test func `what a channel got without a consumer comes back with close-ok (C58)`() throws {
        let rig = Rig()
        let client = try rig.connect()
        try client.open(1)
        try client.ask(QueueDeclare(queue: "q"), .queueDeclareOk)
        try client.publish(to: "q")
        try client.send(BasicGet(queue: "q"))
        _ = try client.deliveries()
        try client.send(BasicAck(deliveryTag: 9))
        #expect(rig.queue("q") == .init(name: "q", ready: 0, unacked: 1, consumers: 0))
        _ = try client.closeCode()
        try client.send(ChannelCloseOk())
        #expect(rig.queue("q") == .init(name: "q", ready: 1, unacked: 0, consumers: 0))
    }

    @Test func `an alarm stops who has published, and what it sent meanwhile is done afterwards (C51)`() throws {
        let rig = Rig()
        let client = try rig.connect()
        try client.open(1)
        try client.ask(QueueDeclare(queue: "q"), .queueDeclareOk)
        rig.broker.setAlarm("low on memory", now: rig.now)
        rig.act()
        #expect(client.takeSeen().isEmpty)
        try client.publish(to: "q")
        try client.expect(.connectionBlocked)
        try client.publish(to: "q")
        #expect(rig.queue("q")?.ready == 1)
        rig.broker.setAlarm(nil, now: rig.now)
        rig.act()
        try client.expect(.connectionUnblocked)
        #expect(rig.queue("q")?.ready == 2)
    }

    @Test func `a delivery held too long closes its channel (C61)`() throws {
        var settings = BrokerSettings()
        settings.consumerTimeout = 1_000
        let rig = Rig(settings)
        let client = try rig.connect()
        try client.open(1)
        try client.ask(QueueDeclare(queue: "q"), .queueDeclareOk)
        try client.publish(to: "q")
        try client.ask(BasicConsume(queue: "q"), .basicConsumeOk)
        #expect(try client.deliveries().count == 1)
        rig.pass(1_000)
        let (code, text) = try client.closeCode()
        #expect(code == 406)
        #expect(text.hasPrefix("PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out."))
        #expect(rig.queue("q")?.ready == 1)
    }

    @Test func `a transaction is seen at its commit, and a rollback gives acks back (C64)`() throws {
        let rig = Rig()
        let client = try rig.connect()
        try client.open(1)
        try client.ask(QueueDeclare(queue: "q"), .queueDeclareOk)
        try client.ask(TxSelect(), .txSelectOk)
        try client.publish(to: "q")
        #expect(rig.queue("q")?.ready == 0)
        try client.ask(TxCommit(), .txCommitOk)
        #expect(rig.queue("q")?.ready == 1)
        try client.send(BasicGet(queue: "q"))
        _ = try client.deliveries()
        try client.send(BasicAck(deliveryTag: 1))
        try client.ask(TxRollback(), .txRollbackOk)
        #expect(rig.queue("q")?.unacked == 1)
        try client.send(BasicAck(deliveryTag: 1))
        try client.ask(TxCommit(), .txCommitOk)
        #expect(rig.queue("q") == .init(name: "q", ready: 0, unacked: 0, consumers: 0))
    }
}
