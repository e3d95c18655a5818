import AMQPCore
import AMQPWire
import TestSupport

/// What the threads of a race between append and close do, and what they saw.
final class CloseRace: Sendable {
    struct Outcome {
        var failures: [String] = []
        var lives = 0, publishes = 0, acks = 0
        var endedByOwner = 0, endedByBreaker = 0, endedByBroker = 0
    }
    private struct State {
        var outcome = Outcome()
        var isOpen = false
        var isDone = false
        var incarnation: UInt64 = 0
        var breakers: [ChannelBreaker] = []
    }
    /// Publishes of one life: few, since what is to race are the closes.
    private static let steps = 60
    private let state = Monitor(State())
    private let outbox: Outbox

    init(outbox: Outbox) { self.outbox = outbox }

    var outcome: Outcome { self.state.withLock { $0.outcome } }

    /// No owner is left.
    func finish() {
        self.state.withLock { $0.isDone = true }
        self.state.broadcast()
    }

    private func fail(_ what: String) { self.state.withLock { $0.outcome.failures.append(what) } }

    // MARK: The connection's thread, with the broker on it

    func serve(_ transport: SharedTransport, channelMax: UInt16, seed: UInt64) {
        do {
            try self.play(transport, channelMax, seed)
        } catch {
            self.fail("peer: \(error)")
        }
        self.state.withLock { $0.isOpen = true }
        self.state.broadcast()
    }

    private func play(_ transport: SharedTransport, _ channelMax: UInt16, _ seed: UInt64) throws {
        var random = Seed(seed)
        var broker = SimulatedBroker(channelMax: channelMax)
        let host = SimulatedHost()
        var now: UInt64 = 1_000_000_000
        let core = ConnectionCore(
            settings: HandshakeSettings(user: "u", password: "p", virtualHost: "/", heartbeatSeconds: 0),
            options: ConnectionOptions(heartbeatSeconds: 0),
            outbox: self.outbox,
            host: host,
            now: now
        )
        core.start()
        while let octets = transport.next() {
            try broker.receive(octets)
            for number in broker.openNumbers {
                switch Int.random(in: 0..<32, using: &random) {
                case 0: try broker.close(number, 406)
                case 1...16: try broker.deliver(number, size: 10)
                default: break
                }
            }
            for number in broker.closingNumbers where Bool.random(using: &random) { try broker.repeatClose(number) }
            for number in broker.answering { try broker.answer(number) }
            let answers = broker.take(.max)
            if !answers.isEmpty { core.read(ReadBuffer.block(answers), now: now) }
            now += 1_000_000
            core.tick(now: now)
            if host.isOpen, self.open() { self.state.broadcast() }
        }
        for violation in broker.violations { self.fail(violation) }
        if !host.ends.isEmpty { self.fail("the connection ended: \(host.ends)") }
        if broker.closeOksReceived != broker.closesAnswerable {
            self.fail("\(broker.closesAnswerable) closes, \(broker.closeOksReceived) close-oks")
        }
        if !broker.openNumbers.isEmpty { self.fail("still open: \(broker.openNumbers)") }
    }

    /// Whether it was not open before.
    private func open() -> Bool {
        self.state.withLock { state in
            defer { state.isOpen = true }
            return !state.isOpen
        }
    }

    // MARK: The breaker

    func breakChannels() {
        while true {
            let next: ChannelBreaker?? = self.state.wait(until: Scripted.deadline()) { state in
                if !state.breakers.isEmpty { return .some(state.breakers.removeFirst()) }
                return state.isDone ? .some(nil) : nil
            }
            guard case .some(.some(let breaker)) = next else { return }
            if breaker.endChannel("stuck") { self.state.withLock { $0.outcome.endedByBreaker += 1 } }
        }
    }

    // MARK: An owner

    func own(lives: Int, seed: UInt64) {
        var random = Seed(seed)
        _ = self.state.wait(until: Scripted.deadline()) { $0.isOpen ? true : nil }
        for _ in 0..<lives {
            do {
                try self.live(&random)
            } catch {
                return self.fail("owner: \(error)")
            }
        }
    }

    private func openChannel() throws -> Channel {
        let incarnation = self.state.withLock { state in
            state.incarnation += 1
            state.outcome.lives += 1
            return state.incarnation
        }
        let mailbox = Mailbox()
        mailbox.attach(incarnation)
        let lane = try self.outbox.openChannel(mailbox: mailbox, incarnation: incarnation)
        self.outbox.flush()
        let channel = Channel(lane: lane, outbox: self.outbox, requestTimeout: .seconds(60))
        var isAnswered = false
        channel.pump { channel in
            isAnswered = isAnswered || channel.takeReply() != nil
            return !isAnswered && channel.isOpen
        }
        return channel
    }

    private func live(_ random: inout Seed) throws {
        let channel = try self.openChannel()
        let breakAt = Int.random(in: 0..<Self.steps, using: &random)
        let closeAt = Int.random(in: 0..<Self.steps, using: &random)
        let (publishes, acks, isOurs) = self.work(channel, breakAt, closeAt, &random)
        if channel.isOpen { self.fail("channel \(channel.number) ended, and its owner was not told") }
        let late = Scripted.error { () throws(AMQPError) in try channel.publish([1], routingKey: "q") }
        if late != channel.endReason { self.fail("after the end: \(late.map { "\($0)" } ?? "no error")") }
        let isBrokers = channel.endReason?.code.rawValue == 406
        self.state.withLock { state in
            state.outcome.publishes += publishes
            state.outcome.acks += acks
            if isOurs { state.outcome.endedByOwner += 1 } else if isBrokers { state.outcome.endedByBroker += 1 }
        }
    }

    /// Publishes and acks until the channel ends; gives how many of each, and whether its owner closed it.
    private func work(_ channel: Channel, _ breakAt: Int, _ closeAt: Int, _ random: inout Seed) -> (Int, Int, Bool) {
        var (publishes, acks) = (0, 0)
        do throws(AMQPError) {
            _ = try channel.consume("q", tag: "c\(channel.incarnation)")
            for step in 0..<Self.steps {
                if step == breakAt { self.hand(channel.breaker) }
                if step == closeAt {
                    let isOurs = channel.startClose()
                    channel.pump { !$0.finishClose() }
                    return (publishes, acks, isOurs)
                }
                // Mostly in a row, small and not sent at once: most of the time goes into the append that is to race.
                try Self.append([UInt8](repeating: 1, count: step % 16 == 15 ? 5000 : 0), to: channel)
                publishes += 1
                guard step % 8 == 7 else { continue }
                channel.pump(until: 0)
                for delivery in MemoryClient.takeDeliveries(channel) {
                    try channel.ack(delivery)
                    acks += 1
                }
                channel.sendAcks()
            }
        } catch {
            if error.scope == .call { self.fail("refused: \(error)") }
        }
        return (publishes, acks, false)
    }

    /// Publishes without a flush.
    private static func append(_ body: [UInt8], to channel: Channel) throws(AMQPError) {
        _ = try body.withBytes { (bytes) throws(AMQPError) in
            try channel.publish(
                bytes,
                exchange: "",
                routingKey: "q",
                properties: BasicProperties(),
                mandatory: false,
                token: 0
            )
        }
    }

    private func hand(_ breaker: ChannelBreaker) {
        self.state.withLock { $0.breakers.append(breaker) }
        self.state.broadcast()
    }
}
