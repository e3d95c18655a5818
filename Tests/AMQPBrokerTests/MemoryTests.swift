import AMQPBroker
import AMQPWire
import Testing

/// The limit of memory: who publishes is blocked above it, and goes on when a fifth of it is free again.
@Suite struct MemoryTests {
    private static func settings(_ limit: Int?) -> BrokerSettings {
        var settings = BrokerSettings()
        settings.memoryLimit = limit
        return settings
    }

    @Test func `what is held counts wherever it is, and is given back when it is settled`() throws {
        let rig = Rig()
        let client = try rig.connect()
        try client.open(1)
        try client.ask(QueueDeclare(queue: "q"), .queueDeclareOk)
        #expect(rig.held == 0)
        for _ in 0..<3 { try client.publish([UInt8](repeating: 1, count: 10_000), to: "q") }
        let held = rig.held
        #expect((30_000..<32_000).contains(held), "\(held)")
        try client.ask(BasicConsume(queue: "q"), .basicConsumeOk)
        #expect(try client.deliveries().count == 3)
        #expect(rig.held == held, "in hand it is held still")
        #expect(rig.broker.heldMessages == 3)
        try client.send(BasicAck(deliveryTag: 0, multiple: true))
        #expect(rig.held == 0)
        #expect(rig.broker.heldMessages == 0)
    }

    @Test func `messages are held until they are acked, are dead, expire, are purged, or lose their queue`() throws {
        let rig = Rig()
        let client = try rig.connect()
        try client.open(1)
        func declare(_ arguments: FieldTable = [:]) throws {
            try client.ask(QueueDeclare(queue: "q", arguments: arguments), .queueDeclareOk)
        }
        func end() throws {
            try client.ask(QueueDelete(queue: "q"), .queueDeleteOk)
            #expect(rig.broker.heldMessages == 0)
        }
        try declare(["x-max-length": .int32(2)])
        for _ in 0..<3 { try client.publish(to: "q") }
        #expect(rig.broker.heldMessages == 2, "the first was dropped")
        try client.ask(BasicGet(queue: "q", noAck: true), .basicGetOk)
        #expect(rig.broker.heldMessages == 1)
        try client.ask(BasicGet(queue: "q"), .basicGetOk)
        #expect(rig.broker.heldMessages == 1, "in hand it is held still")
        try end()
        try declare()
        for _ in 0..<3 { try client.publish(to: "q") }
        try client.ask(QueuePurge(queue: "q"), .queuePurgeOk)
        #expect(rig.broker.heldMessages == 0)
        try end()
    }

    @Test func `above the limit publishers are blocked, and a fifth below it they go on`() throws {
        let rig = Rig(Self.settings(100_000))
        let (publisher, consumer) = (try rig.connect(), try rig.connect())
        try publisher.open(1)
        try consumer.open(1)
        try publisher.ask(QueueDeclare(queue: "q"), .queueDeclareOk)
        let body = [UInt8](repeating: 1, count: 24_000)
        for _ in 0..<4 { try publisher.publish(body, to: "q") }
        #expect(!rig.hasTooMuch(), "97 of 100")
        try publisher.publish(body, to: "q")
        #expect(rig.hasTooMuch())
        rig.act()
        try publisher.expect(.connectionBlocked)
        let areBlocked = [publisher, consumer].map { rig.broker.isBlocked($0.id) }
        #expect(areBlocked == [true, false])
        try consumer.get()
        #expect(rig.hasTooMuch(), "97 of 100 is more than 80")
        try consumer.get()
        #expect(!rig.hasTooMuch(), "73 of 100")
        rig.act()
        try publisher.expect(.connectionUnblocked)
    }

    @Test func `an alarm of somebody else is not ended, and without a limit there is none`() throws {
        let rig = Rig(Self.settings(100_000))
        rig.broker.setAlarm("no disk", now: rig.now)
        #expect(!rig.hasTooMuch())
        let client = try rig.connect()
        try client.open(1)
        try client.publish(to: "nowhere")
        try client.expect(.connectionBlocked)
        let unlimited = Rig(Self.settings(nil))
        #expect(!unlimited.hasTooMuch())
    }
}

extension Rig {
    fileprivate var held: Int { self.broker.heldOctets }

    fileprivate func hasTooMuch() -> Bool { self.broker.lookAtMemory(now: self.now) }
}

extension RigClient {
    /// Takes a message of queue `q` out for good.
    fileprivate func get() throws { try self.ask(BasicGet(queue: "q", noAck: true), .basicGetOk) }
}
