import AMQPCore
import AMQPWire
import TestSupport
import Testing

/// One channel on an in-memory socket, where each octet and each tick of the clock is the test's.
@Suite struct MemoryChannelTests {
    private static func octets(_ method: some AMQPMethod) throws -> [UInt8] { try Octets.method(method, on: 1) }
    private static func ack(_ tag: UInt64) throws -> [UInt8] {
        try Self.octets(BasicAck(deliveryTag: tag, multiple: false))
    }
    private static let message = OutgoingMessage([1], routingKey: "q")

    /// A publish that does not wait, as a worker makes it.
    private static func publishAtOnce(_ channel: Channel) -> AMQPError? {
        Scripted.error { () throws(AMQPError) in try channel.publish(Self.message, timeout: .zero) }
    }

    // MARK: Requests

    @Test func `C62: who waits is registered before the request is sent: its answer may come within the write`() throws
    {
        var client = try MemoryClient(channelMax: 2)
        let transport = client.transport
        var answers: [[UInt8]] = [try Self.octets(ChannelOpenOk())]
        transport.wrote = { [client] in if !answers.isEmpty { client.read(answers.removeFirst()) } }
        let channel = try client.startChannel()
        channel.pump(until: 0)
        #expect(channel.takeReply() != nil)
        let deliver = BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "q")
        answers = [try Self.octets(BasicConsumeOk(consumerTag: "c")) + Octets.content(deliver, [1], on: 1)]
        #expect(try channel.consume("q", tag: "c") == "c")
        #expect(MemoryClient.takeDeliveries(channel).map(\.deliveryTag) == [1])
        answers = [try Self.octets(BasicGetEmpty())]
        #expect(try channel.get("q") == nil)
        answers = [try Self.octets(ChannelCloseOk())]
        channel.close()
        #expect(!channel.isOpen)
        #expect(client.host.ends.isEmpty)
        transport.wrote = {}
    }

    @Test func `C62: requests of several channels are answered in any order`() throws {
        var client = try MemoryClient(channelMax: 3)
        let channels = try (0..<3).map { _ in try client.openChannel() }
        for channel in channels { try channel.startRequest(BasicQos(prefetchCount: 1), expecting: .basicQosOk) }
        for channel in channels.reversed() { try client.read(BasicQosOk(), on: channel.number) }
        for channel in channels {
            channel.pump(until: 0)
            #expect(channel.takeReply() != nil)
            #expect(channel.takeReply() == nil)
        }
    }

    // MARK: Settling

    @Test func `C53: a delivery is settled on its channel: another one refuses it while that is open, then drops it`()
        throws
    {
        var client = try MemoryClient(channelMax: 2)
        let (own, other) = (try client.openChannel(), try client.openChannel())
        let deliveries = try client.consume(own, deliveries: 4)
        let steps: [(Delivery) -> AMQPError?] = [
            { delivery in Scripted.error { () throws(AMQPError) in try other.ack(delivery) } },
            { delivery in Scripted.error { () throws(AMQPError) in try other.ackAll(upTo: delivery) } },
            { delivery in Scripted.error { () throws(AMQPError) in try other.nack(delivery, requeue: true) } },
            { delivery in Scripted.error { () throws(AMQPError) in try other.reject(delivery, requeue: true) } },
        ]
        for (step, delivery) in zip(steps, deliveries) {
            let error = step(delivery)
            #expect(error?.code == .refusedLocally && error?.scope == .call)
            #expect(error?.text.contains("channel \(own.number)") == true)
        }
        other.sendAcks()
        #expect(client.takeWire().isEmpty && other.droppedAckCount == 0 && own.unsettledCount == 4)
        try own.ack(deliveries[0])
        client.read(try Octets.method(Self.refusal, on: own.number))
        own.pump(until: 0)
        _ = client.takeWire()
        for (step, delivery) in zip(steps, deliveries) { #expect(step(delivery) == nil) }
        other.sendAcks()
        #expect(client.takeWire().isEmpty && other.droppedAckCount == 4 && other.isOpen)
    }

    // MARK: Closing

    private static let refusal = ChannelClose(replyCode: 404, replyText: "NOT_FOUND", classID: 60, methodID: 40)

    @Test func `C39: closes of ours that have not left are taken back one by one, and what lies around them goes out`()
        throws
    {
        var client = try MemoryClient(channelMax: 4)
        let channels = try (0..<4).map { _ in try client.openChannel() }
        client.transport.mood = .takes(0)
        try channels[0].publish(Self.message)  // holds up what follows
        for channel in channels { #expect(channel.startClose()) }
        for number: UInt16 in [2, 1, 4] { try client.read(Self.refusal, on: number) }
        for channel in channels {
            channel.pump(until: 0)
            #expect(channel.finishClose() == (channel.number != 3))
            #expect((channel.endReason?.code.rawValue == 404) == (channel.number != 3))
        }
        let next = try (0..<3).map { _ in try client.startChannel() }
        #expect(next.map(\.number) == [2, 1, 4], "freed longest ago, taken first")
        client.transport.mood = .takesAll
        client.transport.drain()
        let bye = ChannelClose(replyCode: 200, replyText: "closed by its owner")
        var wire = try Octets.content(BasicPublish(routingKey: "q"), [1], on: 1) + Octets.method(bye, on: 3)
        for number: UInt16 in [2, 1, 4] { wire += try Octets.method(ChannelCloseOk(), on: number) }
        for number: UInt16 in [2, 1, 4] { wire += try Octets.method(ChannelOpen(), on: number) }
        #expect(client.takeWire() == wire)
    }

    @Test func `C39 C40: a close-ok that RabbitMQ loses in a crossing costs its number five seconds, not for ever`()
        throws
    {
        var client = try MemoryClient(channelMax: 1)
        let channel = try client.openChannel()
        #expect(channel.startClose())
        try client.read(Self.refusal, on: 1)
        for _ in 0..<49 { client.tick() }
        channel.pump(until: 0)
        #expect(!channel.finishClose())
        let early = Scripted.error { () throws(AMQPError) in _ = try client.startChannel() }
        #expect(early?.code == .channelsExhausted)
        client.tick()
        channel.pump(until: 0)
        #expect(channel.finishClose())
        #expect(channel.endReason?.code.rawValue == 404)
        let next = try client.startChannel()
        try client.read(ChannelCloseOk(), on: 1)  // late, not lost
        try client.read(ChannelOpenOk(), on: 1)
        next.pump(until: 0)
        #expect(next.isOpen && next.takeReply() != nil)
        for _ in 0..<60 { client.tick() }
        #expect(next.isOpen)
        #expect(client.host.ends.isEmpty)
    }

    @Test func `C34: what came before close-ok and was not taken yet is discarded with the rest`() throws {
        var client = try MemoryClient(channelMax: 1)
        let channel = try client.openChannel()
        _ = try client.consume(channel, deliveries: 1)
        try client.ask(channel, ConfirmSelect(), ConfirmSelectOk())
        channel.enterConfirms()
        for _ in 0..<2 { try channel.publish(Self.message) }
        // In the mailbox when the owner closes; the rest comes while it waits.
        try client.deliver(2, on: 1)
        try client.read(BasicAck(deliveryTag: 1, multiple: false), on: 1)
        try client.read(BasicCancel(consumerTag: "c", noWait: true), on: 1)
        #expect(channel.startClose())
        try client.deliver(3, on: 1)
        try client.read(BasicAck(deliveryTag: 2, multiple: false), on: 1)
        try client.read(QueueDeclareOk(queue: "q", messageCount: 0, consumerCount: 0), on: 1)
        channel.pump(until: 0)
        #expect(MemoryClient.takeDeliveries(channel).isEmpty)
        #expect(channel.takeCancelledConsumers().isEmpty)
        #expect(channel.takeReply() == nil)
        #expect(channel.takeVerdicts().isEmpty)
        #expect(!channel.finishClose())
        try client.read(ChannelCloseOk(), on: 1)
        channel.pump(until: 0)
        #expect(channel.finishClose())
        #expect(channel.takeFailedPublishes().map(\.reason) == [.unknown, .unknown])
        #expect(client.host.ends.isEmpty)
    }

    @Test(arguments: [(0, 10, 99), (1, 60, 99), (1, 99, 10)] as [(UInt16, UInt8, UInt8)])
    func `C28: a method that nobody knows ends the connection, and is named`(
        _ number: UInt16,
        _ classID: UInt8,
        _ methodID: UInt8
    ) throws {
        var client = try MemoryClient(channelMax: 1)
        let channel = try client.openChannel()
        client.read(Octets.frame(1, number, [0, classID, 0, methodID]))
        #expect(client.host.ends.count == 1)
        let error = try #require(client.host.ends.first)
        #expect(error.code == .protocolViolation)
        #expect(error.scope == .connection)
        #expect(error.text.contains("\(classID).\(methodID)"), "\(error.text)")
        channel.pump(until: 0)
        #expect(channel.endReason == error)
        let wire = client.takeWire()
        #expect(wire.starts(with: [1, 0, 0]) && Array(wire[7..<11]) == [0, 10, 0, 50])  // connection.close
    }

    // MARK: Transactions

    @Test func `C64: between commit and commit-ok nothing is sent, whoever settles, publishes or ticks`() throws {
        var client = try MemoryClient(channelMax: 1)
        let channel = try client.openChannel()
        let deliveries = try client.consume(channel, deliveries: 4)
        try client.ask(channel, TxSelect(), TxSelectOk())
        channel.enterTransactions()
        try channel.ack(deliveries[0])
        try channel.startCommit()
        #expect(try client.takeWire() == Self.ack(1) + Self.octets(TxCommit()))

        try channel.ack(deliveries[1])
        try channel.nack(deliveries[2], requeue: true)
        channel.sendAcks()
        #expect(!channel.canPublishAtOnce)
        #expect(Self.publishAtOnce(channel)?.scope == .call)
        for _ in 0..<5 { client.tick() }
        channel.pump(until: 0)
        #expect(!channel.finishCommit())
        #expect(client.takeWire() == [])

        try client.read(TxCommitOk(), on: 1)
        channel.pump(until: 0)
        #expect(channel.finishCommit())
        channel.sendAcks()
        let nack = try Self.octets(BasicNack(deliveryTag: 3, multiple: false, requeue: true))
        #expect(try client.takeWire() == Self.ack(2) + nack)
        #expect(Self.publishAtOnce(channel) == nil)
        _ = client.takeWire()

        // What was settled while the commit was on its way is of the next transaction, and comes back with it.
        client.transport.wrote = { [client] in
            if client.takeWire() == (try? Self.octets(TxRollback())) { try? client.read(TxRollbackOk(), on: 1) }
        }
        try channel.rollback()
        channel.pump(until: 0)
        #expect(channel.unsettledCount == 3)
        #expect(Scripted.error { () throws(AMQPError) in try channel.ack(deliveries[0]) }?.code == .refusedLocally)
        try channel.ack(deliveries[1])
        client.transport.wrote = {}
    }

    // MARK: Flow

    @Test func `C65: while channel.flow holds the publishes of a channel, its acks and requests go out`() throws {
        var client = try MemoryClient(channelMax: 1)
        let channel = try client.openChannel()
        let deliveries = try client.consume(channel, deliveries: 3)
        try client.read(ChannelFlow(active: false), on: 1)
        #expect(try client.takeWire() == Self.octets(ChannelFlowOk(active: false)))
        #expect(!channel.canPublishAtOnce)
        #expect(Self.publishAtOnce(channel)?.code == .timeout)
        #expect(client.takeWire() == [])

        try channel.ack(deliveries[0])
        channel.sendAcks()
        #expect(try client.takeWire() == Self.ack(1))
        try channel.ack(deliveries[1])
        client.tick()
        #expect(try client.takeWire() == Self.ack(2))
        try channel.startRequest(BasicQos(prefetchCount: 1), expecting: .basicQosOk)
        #expect(try client.takeWire() == Self.octets(BasicQos(prefetchCount: 1)))

        try client.read(ChannelFlow(active: true), on: 1)
        #expect(try client.takeWire() == Self.octets(ChannelFlowOk(active: true)))
        #expect(Self.publishAtOnce(channel) == nil)
        #expect(try client.takeWire() == Octets.content(BasicPublish(routingKey: "q"), [1], on: 1))
        #expect(channel.startClose())  // closing is allowed in every state
    }

    @Test func `C14 C18: heartbeats go on while the broker blocks the connection`() throws {
        var client = try MemoryClient(channelMax: 1, heartbeat: 2)
        let channel = try client.openChannel()
        try client.read(ConnectionBlocked(reason: "low on memory"), on: 0)
        #expect(Self.publishAtOnce(channel)?.code == .timeout)
        let heartbeat = Octets.frame(8, 0, [])
        for _ in 0..<100 {  // ten seconds, in which the broker's own come, too
            client.tick()
            client.read(heartbeat)
        }
        let wire = client.takeWire()
        #expect((9...11).contains(wire.count / heartbeat.count))
        #expect(wire == Array(repeatElement(heartbeat, count: wire.count / heartbeat.count).joined()))
        #expect(client.host.ends.isEmpty)
    }

    // MARK: Bounds

    @Test func `C51: what waits for a full socket is bounded, however many channels publish`() throws {
        let highWater = 64 * 1024
        let size = 5000
        var client = try MemoryClient(channelMax: 4, highWater: highWater)
        let channels = try (0..<4).map { _ in try client.openChannel() }
        client.transport.mood = .isFull
        var appended = 0
        var waiting = 0
        for turn in 0..<100 {
            let message = OutgoingMessage([UInt8](repeating: 1, count: size), routingKey: "q")
            let error = Scripted.error { () throws(AMQPError) in
                try channels[turn % 4].publish(message, timeout: .zero)
            }
            if error == nil { appended += 1 } else { waiting += 1 }
        }
        #expect(waiting > 0)
        client.transport.mood = .takesAll
        client.transport.drain()
        let queued = client.takeWire().count
        #expect(queued > highWater / 2)
        // One message may stand above the mark, which is looked at before each.
        let most = try Octets.content(
            BasicPublish(routingKey: "q"),
            [UInt8](repeating: 1, count: size),
            on: 1,
            frameMax: 4096
        )
        #expect(queued == appended * most.count)
        #expect(queued <= highWater + most.count)
        for channel in channels { #expect(Self.publishAtOnce(channel) == nil) }
    }

    @Test func `an owner that does not keep up stops the reading; it goes on when half has been looked at`() throws {
        var client = try MemoryClient(channelMax: 2)
        let slow = try client.openChannel()
        slow.boundDeliveries()
        try client.ask(slow, BasicConsume(queue: "q", consumerTag: "c"), BasicConsumeOk(consumerTag: "c"))
        let body = [UInt8](repeating: 1, count: 1 << 20)
        var tag: UInt64 = 0
        while !client.core.isPaused, tag < 100 {
            tag += 1
            let deliver = BasicDeliver(consumerTag: "c", deliveryTag: tag, exchange: "", routingKey: "q")
            client.read(try Octets.content(deliver, body, on: 1, frameMax: 4096))
        }
        #expect(tag == 64)  // 64 MiB, headers counted
        #expect(client.host.readings == [false])
        for _ in 0..<3 { client.tick() }
        #expect(client.host.readings == [false])
        slow.pump(until: 0)
        client.tick()
        #expect(client.host.readings == [false])  // taken out of the mailbox, and not looked at
        #expect(MemoryClient.takeDeliveries(slow).map(\.deliveryTag) == Array(1...tag))
        slow.pump(until: 0)
        client.tick()
        #expect(client.host.readings == [false, true])
        #expect(!client.core.isPaused)
    }
}
