import AMQPCore
import AMQPWire
import TestSupport

/// One client and one broker on one thread, with every step chosen by a seed: who acts next, what it does, and how many
/// octets travel.
final class Simulation {
    var random: Seed
    let transport = MemoryTransport()
    let host = SimulatedHost()
    let outbox: Outbox
    let core: ConnectionCore
    var broker: SimulatedBroker
    var clients: [SimulatedClient] = []
    let seat = SimulationSeat()
    /// Deliveries of every channel that there was, some of them.
    var remembered: [Delivery] = []
    /// Steps since an owner began to wait; 0 while none does.
    var stepsOfWait = 0
    var lives: [UInt16: Int] = [:]
    var incarnation: UInt64 = 0
    var now: UInt64 = 1_000_000_000
    var isBlocked = false
    var trace: [String] = []
    var violations: [String] = []

    /// What ran, to show that the steps reach what they are for.
    var tally: [String: Int] = [:]
    func note(_ what: String) { self.tally[what, default: 0] += 1 }

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
        self.broker.losesCloseOks = true
        self.seat.step = { [unowned self] in self.stepOfWait() }
    }

    func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self.random) }
    /// How many travel: often a piece of a frame, and at times all, or large publishes hold up the rest of the run.
    private func someOctets() -> Int { self.below(4) == 0 ? .max : self.below(600) }

    // MARK: The whole run

    func run(steps: Int) throws {
        self.core.start()
        while !self.host.isOpen, self.host.ends.isEmpty { try self.carryAll() }
        for _ in 0..<steps where self.host.ends.isEmpty { try self.step() }
        if let end = self.host.ends.first { return self.violations.append("the run ended early: \(end)") }
        try self.settleDown()
        self.check()
    }

    private func step() throws {
        switch self.below(21) {
        case 0: self.open()
        case 1...2: self.withClient { client, choice in client.request(choice) }
        case 3...4: self.publish()
        case 5...6: self.withClient { client, choice in client.settle(choice) }
        case 7: self.close()
        case 8...9: self.withClient { client, _ in client.pump() }
        case 10...12: try self.broker.receive(self.transport.take(self.someOctets()))
        case 13...15: self.feed(self.broker.take(self.someOctets()))
        case 16: self.tick()
        case 17: self.settleForeign()
        default: try self.brokerActs()
        }
    }

    /// What goes on while an owner waits: everything but the other owners.
    private func stepOfWait() -> Bool {
        self.stepsOfWait += 1
        do {
            switch self.below(8) {
            case 0...1: try self.broker.receive(self.transport.take(self.someOctets()))
            case 2...3: self.feed(self.broker.take(self.someOctets()))
            case 4: self.tick()
            default: try self.brokerActs()
            }
            if self.stepsOfWait % 64 == 0 {
                // Whatever holds it up ends: the broker reads, answers, and takes contents again.
                if self.isBlocked {
                    self.isBlocked = false
                    try self.broker.setBlocked(false)
                }
                for number in self.broker.openNumbers { try self.broker.resumeFlow(number) }
                try self.carry()
            }
        } catch {
            self.violations.append("\(error)")
        }
        if self.stepsOfWait > 64 * 64 { self.violations.append("an owner waits for ever") }
        return self.stepsOfWait <= 64 * 64
    }

    private func settleForeign() {
        for client in self.clients.suffix(8) {
            guard let delivery = client.deliveries.last else { continue }
            self.remembered.append(delivery)
        }
        if self.remembered.count > 40 { self.remembered.removeFirst(self.remembered.count - 40) }
        guard let delivery = self.remembered.randomElement(using: &self.random) else { return }
        self.withClient { client, choice in client.settleForeign(delivery, choice) }
    }

    func withClient(_ body: (SimulatedClient, Int) -> Void) {
        let living = self.clients.filter { !$0.isOver }
        guard !living.isEmpty else { return }
        defer { self.stepsOfWait = 0 }
        body(living[self.below(living.count)], self.below(1000))
    }

    private func open() {
        self.incarnation += 1
        let mailbox = Mailbox()
        mailbox.attach(self.incarnation)
        do throws(AMQPError) {
            let lane = try self.outbox.openChannel(mailbox: mailbox, incarnation: self.incarnation)
            self.lives[lane.number, default: 0] += 1
            let channel = Channel(lane: lane, outbox: self.outbox, requestTimeout: .seconds(60), seat: self.seat)
            let life = self.lives[lane.number, default: 0]
            self.clients.append(SimulatedClient(channel, life: life) { [unowned self] in self.note($0) })
            self.outbox.flush()
            self.trace.append("open \(lane.number)")
        } catch {
            if error.code != .channelsExhausted { self.violations.append("open: \(error)") }
        }
    }

    func publish() {
        let size = [0, 10, 3000, 4088, 4089, 20_000][self.below(6)]
        self.trace.append("publish \(size)")
        self.withClient { client, choice in
            client.publish(size: size, mayWait: choice % 3 == 0, mandatory: choice % 4 == 0)
        }
    }

    private func close() {
        guard self.below(6) == 0, let client = self.clients.filter({ !$0.isOver }).randomElement(using: &self.random)
        else {
            return
        }
        self.trace.append("client closes \(client.channel.number)")
        if self.below(4) == 0 { client.breakOff() } else { client.close() }
    }

    private func tick() {
        self.now += 100_000_000
        self.transport.mood = [.takesAll, .takesAll, .takesHalf, .isFull][self.below(4)]
        if self.below(2) == 0 { self.transport.drain() }
        self.core.tick(now: self.now)
    }

    func feed(_ bytes: [UInt8]) {
        if !bytes.isEmpty { self.core.read(ReadBuffer.block(bytes), now: self.now) }
    }

    private func brokerActs() throws {
        let open = self.broker.openNumbers
        let number = UInt16(self.below(Int(self.broker.channelMax)) + 1)
        switch self.below(13) {
        case 0...3:
            guard let waiting = self.broker.answering.randomElement(using: &self.random) else { return }
            try self.broker.answer(waiting)
        case 4...5: try self.broker.deliver(number, size: [0, 20, 5000][self.below(3)])
        case 6:
            let (size, isNext) = ([0, 20, 5000][self.below(3)], self.below(2) == 0)
            if try self.broker.deliverStray(number, size: size, isNext: isNext) {
                self.note(isNext ? "stray, next in the count" : "stray, further on")
            }
        case 7:
            guard self.below(8) == 0, let victim = open.randomElement(using: &self.random) else { return }
            self.trace.append("broker closes \(victim)")
            self.note("broker's close")
            try self.broker.close(victim, [404, 406, 403, 405, 320, 506][self.below(6)])
        case 8:
            guard let closing = self.broker.closingNumbers.first else { return }
            try self.broker.repeatClose(closing)
            self.note("broker's close, again")
        case 11: try self.broker.returnPublish(number)
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
            self.note("blocked or unblocked")
            try self.broker.setBlocked(self.isBlocked)
        }
    }
}
