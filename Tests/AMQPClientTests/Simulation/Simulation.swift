import AMQPClient
import AMQPWire
import TestSupport

/// One client and one broker on one thread, with every step chosen by a seed: who acts next, what it does, and how many
/// octets travel.
struct Simulation {
    private var random: Seed
    private let transport = MemoryTransport()
    private let host = SimulatedHost()
    private let outbox: Outbox
    private let core: ConnectionCore
    private var broker: SimulatedBroker
    private var clients: [SimulatedClient] = []
    private var lives: [UInt16: Int] = [:]
    private var incarnation: UInt64 = 0
    private var now: UInt64 = 1_000_000_000
    private var isBlocked = false
    private(set) var trace: [String] = []
    private(set) var violations: [String] = []

    /// What ran, to show that the steps reach what they are for.
    struct Tally {
        var lives = 0, crossedCloses = 0, publishes = 0, verdicts = 0, unknown = 0, deliveries = 0
    }
    private(set) var tally = Tally()

    init(seed: UInt64) {
        self.random = Seed(seed)
        self.outbox = Outbox(transport: self.transport, highWater: 64 * 1024)
        var options = ConnectionOptions()
        options.heartbeatSeconds = 0
        self.broker = SimulatedBroker(channelMax: UInt16.random(in: 1...4, using: &self.random))
        self.core = ConnectionCore(
            settings: HandshakeSettings(user: "u", password: "p", virtualHost: "/", heartbeatSeconds: 0),
            options: options,
            outbox: self.outbox,
            host: self.host,
            now: self.now
        )
    }

    private mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self.random) }

    // MARK: The whole run

    mutating func run(steps: Int) throws {
        self.core.start()
        while !self.host.isOpen, self.host.ends.isEmpty { try self.carryAll() }
        for _ in 0..<steps where self.host.ends.isEmpty { try self.step() }
        try self.settleDown()
        self.check()
    }

    private mutating func step() throws {
        switch self.below(20) {
        case 0: self.open()
        case 1...2: self.withClient { client, choice in client.request(choice) }
        case 3...4: self.publish()
        case 5...6: self.withClient { client, choice in client.settle(choice) }
        case 7: self.close()
        case 8...9: self.withClient { client, _ in client.pump() }
        case 10...12: try self.broker.receive(self.transport.take(self.below(600)))
        case 13...15: self.feed(self.broker.take(self.below(600)))
        case 16: self.tick()
        default: try self.brokerActs()
        }
    }

    private mutating func withClient(_ body: (SimulatedClient, Int) -> Void) {
        let living = self.clients.filter { !$0.isOver }
        guard !living.isEmpty else { return }
        body(living[self.below(living.count)], self.below(1000))
    }

    private mutating func open() {
        self.incarnation += 1
        let mailbox = Mailbox()
        mailbox.attach(self.incarnation)
        do throws(AMQPError) {
            let lane = try self.outbox.openChannel(mailbox: mailbox, incarnation: self.incarnation)
            self.lives[lane.number, default: 0] += 1
            let channel = Channel(lane: lane, outbox: self.outbox, requestTimeout: .seconds(1))
            self.clients.append(SimulatedClient(channel, life: self.lives[lane.number, default: 0]))
            self.outbox.flush()
            self.trace.append("open \(lane.number)")
        } catch {
            if error.code != .channelsExhausted { self.violations.append("open: \(error)") }
        }
    }

    private mutating func publish() {
        let size = [0, 10, 3000, 4088, 4089, 20_000][self.below(6)]
        self.trace.append("publish \(size)")
        self.withClient { client, _ in client.publish(size: size) }
    }

    private mutating func close() {
        guard self.below(6) == 0, let client = self.clients.filter({ !$0.isOver }).randomElement(using: &self.random)
        else {
            return
        }
        if self.broker.closingNumbers.contains(client.channel.number) { self.tally.crossedCloses += 1 }
        self.trace.append("client closes \(client.channel.number)")
        client.close()
    }

    private mutating func tick() {
        self.now += 100_000_000
        self.transport.mood = [.takesAll, .takesAll, .takesHalf, .isFull][self.below(4)]
        if self.below(2) == 0 { self.transport.drain() }
        self.core.tick(now: self.now)
    }

    private func feed(_ bytes: [UInt8]) {
        if !bytes.isEmpty { self.core.read(ReadBuffer.block(bytes), now: self.now) }
    }

    private mutating func brokerActs() throws {
        let open = self.broker.openNumbers
        let number = UInt16(self.below(Int(self.broker.channelMax)) + 1)
        switch self.below(12) {
        case 0...3:
            if let waiting = self.broker.answering.randomElement(using: &self.random) { self.broker.answer(waiting) }
        case 4...5: try self.broker.deliver(number, size: [0, 20, 5000][self.below(3)])
        case 6: try self.broker.deliverStray(number, size: [0, 20, 5000][self.below(3)])
        case 7:
            guard self.below(8) == 0, let victim = open.randomElement(using: &self.random) else { return }
            self.trace.append("broker closes \(victim)")
            try self.broker.close(victim, [404, 406, 403, 405, 320, 506][self.below(6)])
        case 8: if let closing = self.broker.closingNumbers.first { try self.broker.repeatClose(closing) }
        case 9:
            try self.broker.confirm(
                number,
                upTo: self.below(4),
                multiple: self.below(2) == 0,
                positive: self.below(4) > 0
            )
        case 10:
            if self.below(4) == 0 { try self.broker.cancelConsumer(number) } else { try self.broker.toggleFlow(number) }
        default:
            guard self.below(6) == 0 else { return }
            self.isBlocked.toggle()
            try self.broker.setBlocked(self.isBlocked)
        }
    }

    // MARK: The end

    private mutating func carryAll() throws {
        self.transport.mood = .takesAll
        self.transport.drain()
        self.outbox.flush()
        try self.broker.receive(self.transport.take(.max))
        for number in self.broker.answering {
            while self.broker.answering.contains(number) { self.broker.answer(number) }
        }
        self.feed(self.broker.take(.max))
        for client in self.clients { client.pump() }
    }

    /// Everything under way is brought to its end; then the connection ends, one way or another.
    private mutating func settleDown() throws {
        for _ in 0..<8 { try self.carryAll() }
        for client in self.clients where client.waiting != nil {
            self.violations.append(
                "channel \(client.channel.number) still waits for \(client.waiting.map { "\($0)" } ?? "")"
            )
        }
        self.checkDoors()
        for _ in 0..<4 { self.withClient { client, choice in client.request(choice) } }
        for _ in 0..<4 { self.publish() }
        switch self.below(3) {
        case 0: try self.broker.closeConnection()
        case 1: self.core.close(code: .replySuccess, text: "bye", timeout: .seconds(1), now: self.now)
        default: self.core.endOfFileReceived()
        }
        for _ in 0..<4 { try self.carryAll() }
    }

    /// With nothing under way both sides agree on which numbers are open.
    private mutating func checkDoors() {
        let ours = Set(self.clients.filter { $0.channel.endReason == nil }.map(\.channel.number))
        if ours != Set(self.broker.openNumbers) {
            self.violations.append("open here: \(ours.sorted()), at the broker: \(self.broker.openNumbers)")
        }
        if self.broker.closeOksReceived != self.broker.closesAnswerable {
            self.violations.append(
                "\(self.broker.closesAnswerable) closes of the broker, \(self.broker.closeOksReceived) close-oks"
            )
        }
    }

    private mutating func check() {
        self.violations += self.broker.violations
        if self.host.ends.count != 1 { self.violations.append("the connection ended \(self.host.ends.count) times") }
        for client in self.clients {
            self.violations += client.violations
            if client.channel.endReason == nil || client.waiting != nil {
                self.violations.append("channel \(client.channel.number) was not told of the end")
            }
            for (sequence, verdicts) in client.verdicts { self.check(client, sequence, verdicts) }
            self.tally.publishes += client.verdicts.count
        }
        self.tally.lives = self.clients.count
        self.tally.deliveries = self.clients.reduce(0) { $0 + $1.received }
    }

    private mutating func check(_ client: SimulatedClient, _ sequence: UInt64, _ verdicts: [ConfirmVerdict]) {
        let key = SimulatedBroker.key(client.channel.number, client.life, sequence)
        guard verdicts.count == 1, let verdict = verdicts.first else {
            return self.violations.append("publish \(key) was answered \(verdicts.count) times")
        }
        self.tally.verdicts += 1
        switch (verdict, self.broker.confirmed[key]) {
        case (.confirmed, .ack), (.refused, .nack): break
        case (.unknown, _): self.tally.unknown += 1  // the channel ended before the broker's answer was read, if any
        default:
            self.violations.append(
                "publish \(key): \(verdict) here, \(self.broker.confirmed[key].map { "\($0)" } ?? "none") there"
            )
        }
    }
}
