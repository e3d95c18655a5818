import AMQPCore
import AMQPWire
import TestSupport
import Testing

/// A broker that sends what it may not, or faster than anybody takes it: what the client keeps of it is bounded.
@Suite struct FloodTests {
    private static let mebibyte = [UInt8](repeating: 1, count: 1 << 20)

    private static func delivery(_ tag: UInt64, on channel: UInt16, _ body: [UInt8] = Self.mebibyte) throws -> [UInt8] {
        let method = BasicDeliver(consumerTag: "c", deliveryTag: tag, exchange: "", routingKey: "q")
        return try Octets.content(method, body, on: channel, frameMax: 4096)
    }

    private static func returned(_ body: [UInt8] = [1], _ headers: FieldTable? = nil) throws -> [UInt8] {
        try Octets.content(
            BasicReturn(replyCode: 312, replyText: "NO_ROUTE", exchange: "", routingKey: "q"),
            body,
            on: 1,
            frameMax: 1 << 20,
            properties: BasicProperties(headers: headers)
        )
    }

    /// A consumer with a prefetch, as a worker has one; what it sends is taken off the wire.
    private static func consume(_ client: MemoryClient, _ channel: Channel, prefetch: UInt16) throws {
        var answers = [try Octets.method(BasicConsumeOk(consumerTag: "c"), on: channel.number)]
        if prefetch > 0 { answers.insert(try Octets.method(BasicQosOk(), on: channel.number), at: 0) }
        client.transport.wrote = { if !answers.isEmpty { client.read(answers.removeFirst()) } }
        if prefetch > 0 { try channel.prefetch(prefetch) }
        try channel.consume("q", tag: "c")
        client.transport.wrote = {}
        _ = client.takeWire()
    }

    // MARK: Prefetch

    @Test func `a broker that ignores prefetch ends that channel, with an error of its own, and no neighbour`() throws {
        var client = try MemoryClient(channelMax: 2)
        let channel = try client.openChannel()
        let neighbour = try client.openChannel()
        try Self.consume(client, channel, prefetch: 10)
        var sent: UInt64 = 0
        while client.takeWire().isEmpty, sent < 1000 {
            sent += 1
            client.read(try Self.delivery(sent, on: 1))
        }
        #expect(sent == 64)  // MiB; twice the limit and 16 is 36
        channel.pump(until: 0)
        #expect(channel.endReason?.code == .protocolViolation)
        #expect(channel.endReason?.scope == .channel(1))
        #expect(channel.endReason?.text.contains("the limit is 10") == true)
        #expect(MemoryClient.takeDeliveries(channel).isEmpty)
        for tag in (sent + 1)...(sent + 200) { client.read(try Self.delivery(tag, on: 1)) }  // nothing of it is kept
        #expect(client.core.isOpen && !client.core.isPaused)
        try client.read(ChannelCloseOk(), on: 1)
        try client.ask(neighbour, BasicQos(prefetchCount: 1), BasicQosOk())
        #expect(try client.openChannel().number == 1)
    }

    @Test func `what the owner has taken out and not looked at counts too, also while it waits for an answer`() throws {
        var client = try MemoryClient(channelMax: 1)
        let channel = try client.openChannel()
        try Self.consume(client, channel, prefetch: 1)
        for tag: UInt64 in 1...40 { client.read(try Self.delivery(tag, on: 1)) }
        channel.pump(until: MonotonicClock.now() + 1)
        for tag: UInt64 in 41...70 { client.read(try Self.delivery(tag, on: 1)) }
        channel.pump(until: 0)
        #expect(channel.endReason?.code == .protocolViolation)
    }

    @Test func `as many as the prefetch may wait whatever their size, and small ones may be more`() throws {
        var client = try MemoryClient(channelMax: 1)
        let channel = try client.openChannel()
        try Self.consume(client, channel, prefetch: 100)
        for tag: UInt64 in 1...100 { client.read(try Self.delivery(tag, on: 1)) }
        channel.pump(until: 0)
        #expect(MemoryClient.takeDeliveries(channel).count == 100)
        channel.pump(until: 0)
        // A queue that moved to another node gives out again what is still in hand here.
        for tag: UInt64 in 101...5000 { client.read(try Self.delivery(tag, on: 1, [1])) }
        channel.pump(until: 0)
        #expect(MemoryClient.takeDeliveries(channel).count == 4900)
        #expect(channel.isOpen && !client.core.isPaused)
    }

    @Test func `deliveries without a consumer are bounded as well`() throws {
        var client = try MemoryClient(channelMax: 1)
        let channel = try client.openChannel()
        for tag: UInt64 in 1...100 { client.read(try Self.delivery(tag, on: 1)) }
        channel.pump(until: 0)
        #expect(channel.endReason?.code == .protocolViolation)
    }

    @Test func `large headers count as bodies do`() throws {
        var client = try MemoryClient(channelMax: 1)
        let channel = try client.openChannel()
        let method = BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "q")
        var octets = try Octets.content(
            method,
            [],
            on: 1,
            frameMax: 4 << 20,
            properties: BasicProperties(headers: ["h": .bytes(Self.mebibyte)])
        )
        for tag: UInt8 in 1...70 {
            octets[7 + 4 + 2 + 7] = tag  // the low octet of the delivery tag
            client.read(octets)
        }
        channel.pump(until: 0)
        #expect(channel.endReason?.code == .protocolViolation)
    }

    // MARK: Without a prefetch

    @Test func `all channels together hold up the reader before each of them would`() throws {
        var client = try MemoryClient(channelMax: 6)
        let channels = try (0..<6).map { _ in try client.openChannel() }
        for channel in channels { channel.boundDeliveries() }
        var tag: UInt64 = 0
        while !client.core.isPaused, tag < 100 {
            tag += 1
            for channel in channels { client.read(try Self.delivery(tag, on: channel.number)) }
        }
        #expect(tag == 43)  // times 6 is more than 256 MiB
        for channel in channels {
            channel.pump(until: 0)
            _ = MemoryClient.takeDeliveries(channel)
            channel.pump(until: 0)
        }
        client.tick()
        #expect(!client.core.isPaused)
    }

    @Test func `while a neighbour waits for an answer reading goes on, up to a bound`() throws {
        var client = try MemoryClient(channelMax: 2)
        let flooded = try client.openChannel()
        let waiting = try client.openChannel()
        flooded.boundDeliveries()
        try waiting.startRequest(BasicQos(prefetchCount: 1), expecting: .basicQosOk)
        var tag: UInt64 = 0
        while !client.core.isPaused, tag < 1000 {
            tag += 1
            client.read(try Self.delivery(tag, on: 1))
        }
        #expect(tag == 256)
        for _ in 0..<3 { client.tick() }
        #expect(client.core.isPaused)
        flooded.pump(until: 0)
        _ = MemoryClient.takeDeliveries(flooded)
        flooded.pump(until: 0)
        client.tick()
        #expect(!client.core.isPaused)
        try client.read(BasicQosOk(), on: 2)
        waiting.pump(until: 0)
        #expect(waiting.takeReply() != nil && flooded.isOpen)
    }

    // MARK: Returned messages

    @Test func `more messages come back than were published as mandatory: the channel ends`() throws {
        var client = try MemoryClient(channelMax: 1)
        let channel = try client.openChannel()
        try channel.publish([1], routingKey: "q", mandatory: true)
        try channel.publish([1], routingKey: "q")
        client.read(try Self.returned())
        channel.pump(until: 0)
        #expect(channel.isOpen && channel.returnedMessages.count == 1)
        for _ in 0..<1000 { client.read(try Self.returned()) }
        channel.pump(until: 0)
        #expect(channel.endReason?.code == .protocolViolation)
        #expect(channel.takeReturnedMessages().count == 1)
    }

    @Test func `returned messages hold up the reader, and those that are kept are bounded, headers counted`() throws {
        var client = try MemoryClient(channelMax: 1)
        let channel = try client.openChannel()
        for _ in 0..<1000 { try channel.publish([1], routingKey: "q", mandatory: true) }
        let large = try Self.returned([1], ["h": .bytes([UInt8](repeating: 1, count: 120_000))])
        var count = 0
        while !client.core.isPaused, count < 1000 {
            count += 1
            client.read(large)
        }
        #expect(count == 559)  // 64 MiB of them
        channel.pump(until: 0)
        client.tick()
        #expect(!client.core.isPaused)
        #expect(channel.returnedMessages.count <= 140)  // 16 MiB of them
        #expect(channel.isOpen)
    }

    @Test func `stray messages of a number's last life are no offence`() throws {
        var client = try MemoryClient(channelMax: 1)
        let first = try client.openChannel()
        #expect(first.startClose())
        try client.read(ChannelCloseOk(), on: 1)
        let second = try client.openChannel()
        client.read(try Self.returned())
        second.pump(until: 0)
        #expect(second.isOpen)
    }
}
