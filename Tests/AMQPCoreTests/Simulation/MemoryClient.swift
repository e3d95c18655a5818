@testable import AMQPCore
import AMQPWire
import TestSupport

/// A client on an in-memory socket, past its handshake: the test is its broker.
struct MemoryClient {
    let transport = MemoryTransport()
    let host = SimulatedHost()
    let outbox: Outbox
    let core: ConnectionCore
    private var incarnation: UInt64 = 0
    private var now: UInt64 = 1_000_000_000

    /// The broker's limits are given; for a test of every octet frames may be smaller than the protocol's least.
    init(channelMax: Int, frameMax: Int = 4096, highWater: Int = 1 << 20, heartbeat: Int = 0) throws {
        self.outbox = Outbox(transport: self.transport, highWater: highWater)
        self.core = ConnectionCore(
            settings: HandshakeSettings(user: "u", password: "p", virtualHost: "/", heartbeatSeconds: heartbeat),
            options: ConnectionOptions(heartbeatSeconds: heartbeat),
            outbox: self.outbox,
            host: self.host,
            now: self.now
        )
        self.core.start()
        let start = ConnectionStart(mechanisms: Array("PLAIN".utf8), locales: Array("en_US".utf8))
        try self.read(start, on: 0)
        try self.read(
            ConnectionTune(channelMax: UInt16(channelMax), frameMax: 4096, heartbeat: UInt16(heartbeat)),
            on: 0
        )
        try self.read(ConnectionOpenOk(), on: 0)
        self.outbox.apply(Negotiated(channelMax: channelMax, frameMax: frameMax, heartbeatSeconds: 0))
        _ = self.takeWire()
    }

    /// What has gone out since the last look.
    func takeWire() -> [UInt8] { self.transport.take(.max) }

    /// The socket brings this in one read.
    func read(_ octets: [UInt8]) { self.core.read(ReadBuffer.block(octets), now: self.now) }

    func read(_ method: some AMQPMethod, on channel: UInt16) throws {
        self.read(try Octets.method(method, on: channel))
    }

    /// A tenth of a second has passed.
    mutating func tick() {
        self.now += 100_000_000
        self.core.tick(now: self.now)
    }

    /// Asks for a channel; the answer is the test's.
    mutating func startChannel() throws(AMQPError) -> Channel {
        self.incarnation += 1
        let mailbox = Mailbox()
        mailbox.attach(self.incarnation)
        let lane = try self.outbox.openChannel(mailbox: mailbox, incarnation: self.incarnation)
        self.outbox.flush()
        return Channel(lane: lane, outbox: self.outbox, requestTimeout: .seconds(1))
    }

    /// A channel that is open, with nothing of it left on the wire.
    mutating func openChannel() throws -> Channel {
        let channel = try self.startChannel()
        try self.read(ChannelOpenOk(), on: channel.number)
        try self.takeAnswer(channel)
        return channel
    }

    /// A request and its answer, with nothing of them left on the wire.
    func ask(_ channel: Channel, _ request: some AMQPMethod, _ answer: some AMQPMethod) throws {
        try channel.startRequest(request, expecting: type(of: answer).id)
        try self.read(answer, on: channel.number)
        try self.takeAnswer(channel)
    }

    private func takeAnswer(_ channel: Channel) throws {
        channel.pump(until: 0)
        guard channel.takeReply() != nil else { throw PeerFailure("no answer on channel \(channel.number)") }
        _ = self.takeWire()
    }

    /// A consumer `c` with deliveries 1...count, whose bodies are their tags.
    func consume(_ channel: Channel, deliveries count: UInt64) throws -> [Delivery] {
        try self.ask(channel, BasicConsume(queue: "q", consumerTag: "c"), BasicConsumeOk(consumerTag: "c"))
        for tag in 0..<count { try self.deliver(tag + 1, on: channel.number) }
        channel.pump(until: 0)
        return Self.takeDeliveries(channel)
    }

    func deliver(_ tag: UInt64, on channel: UInt16) throws {
        let method = BasicDeliver(consumerTag: "c", deliveryTag: tag, exchange: "", routingKey: "q")
        self.read(try Octets.content(method, [UInt8(truncatingIfNeeded: tag)], on: channel))
    }

    /// What has been taken in and not looked at.
    static func takeDeliveries(_ channel: Channel) -> [Delivery] {
        var deliveries: [Delivery] = []
        while let batch = channel.takeBatch() {
            deliveries += batch.records.map {
                Delivery(block: batch.block, record: $0, line: channel.lane.ackLine)
            }
        }
        return deliveries
    }
}
