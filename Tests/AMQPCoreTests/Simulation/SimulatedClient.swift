@testable import AMQPCore
import AMQPWire

/// One channel of the client under simulation, and what its owner still waits for.
final class SimulatedClient {
    enum Waiting: Equatable { case open, reply(MethodID), commit, close }
    let channel: Channel
    let life: Int
    private(set) var waiting: Waiting? = .open
    private(set) var isConfirming = false
    private(set) var isTransactional = false
    private(set) var consumes = false
    var violations: [String] = []
    /// Every publish of a confirm channel, and the answers it got.
    private(set) var verdicts: [UInt64: [ConfirmVerdict]] = [:]
    /// How its owner settled each delivery, and what of it waits for a commit.
    private(set) var settlings: [UInt64: SimulatedBroker.Settling] = [:]
    private var uncommitted: [Delivery] = []
    private var unsettled: [Delivery] = []
    private(set) var seen: Set<UInt64> = []
    private(set) var hasRecovered = false
    private var lastTag: UInt64 = 0
    private var nextToken: UInt64 = 1
    private let note: (String) -> Void

    /// - Parameters:
    ///   - channel: Its channel.
    ///   - life: Counts the lives of its number.
    ///   - note: Counts what was done.
    init(_ channel: Channel, life: Int, note: @escaping (String) -> Void) {
        self.channel = channel
        self.life = life
        self.note = note
    }

    var isOver: Bool { self.channel.endReason != nil && self.waiting == nil }
    var isIdle: Bool { self.channel.endReason == nil && self.waiting == nil }
    var deliveries: [Delivery] { self.unsettled }

    /// Takes in what has come, without waiting.
    func pump() {
        self.channel.pump(until: 0)
        if self.waiting == .close {
            if self.channel.finishClose() { self.waiting = nil }
        } else if self.waiting == .commit {
            if self.channel.finishCommit() { self.waiting = nil }
        } else {
            while let reply = self.channel.takeReply() {
                if self.waiting == nil { self.violations.append("a reply to nobody: \(reply)") }
                if self.waiting == .reply(.basicConsume) { self.consumes = true }
                if self.waiting == .reply(.confirmSelect) {
                    self.isConfirming = true
                    self.channel.enterConfirms()
                }
                self.waiting = nil
            }
        }
        if self.channel.endReason != nil { self.waiting = nil }  // ended by the reason, which every call throws
        self.takeRest()
    }

    private func takeRest() {
        for answer in self.channel.takeVerdicts() { self.verdicts[answer.token, default: []].append(answer.verdict) }
        for _ in self.channel.takeReturnedMessages() { self.note("returned") }
        if !self.channel.takeCancelledConsumers().isEmpty {
            self.consumes = false
            self.note("cancelled")
        }
        for delivery in MemoryClient.takeDeliveries(self.channel) {
            if delivery.deliveryTag <= self.lastTag {
                self.violations.append("tag \(delivery.deliveryTag) behind \(self.lastTag)")
            }
            self.lastTag = delivery.deliveryTag
            self.check(delivery)
            self.note("delivery")
        }
        if self.channel.endReason != nil { self.unsettled.removeAll() }
    }

    private func check(_ delivery: Delivery) {
        let label = String(decoding: delivery.body.prefix { $0 != UInt8(ascii: "|") }, as: UTF8.self)
        if label != "\(self.channel.number).\(self.life).\(delivery.deliveryTag)" {
            let place = "channel \(self.channel.number), life \(self.life), tag \(delivery.deliveryTag)"
            self.violations.append("delivery \(label) on \(place)")
        }
        if !self.seen.insert(delivery.deliveryTag).inserted { self.violations.append("\(label) came twice") }
        self.unsettled.append(delivery)
    }

    // MARK: What its owner asks

    func request(_ kind: Int) {
        guard self.isIdle else { return }
        do throws(AMQPError) {
            switch kind % 8 {
            case 0 where !self.consumes:
                let consume = BasicConsume(queue: "q", consumerTag: "c\(self.channel.incarnation)")
                try self.channel.startRequest(consume, expecting: .basicConsumeOk)
                self.waiting = .reply(.basicConsume)
            case 1 where !self.isConfirming && !self.isTransactional:
                // As selectConfirms does: only what is published after the answer counts.
                try self.channel.startRequest(ConfirmSelect(), expecting: .confirmSelectOk)
                self.waiting = .reply(.confirmSelect)
            case 2:
                try self.channel.startRequest(QueueDeclare(queue: "q"), expecting: .queueDeclareOk)
                self.waiting = .reply(.queueDeclare)
            case 3: self.channel.batchAcks(1 + kind % 5)
            case 4 where self.isTransactional && kind.isMultiple(of: 3):
                try self.channel.startCommit()
                self.uncommitted = []
                self.waiting = .commit
                self.note("commit started")
            case 4, 5, 6, 7: try self.call(kind)
            default:
                try self.channel.startRequest(BasicQos(prefetchCount: 5), expecting: .basicQosOk)
                self.waiting = .reply(.basicQos)
            }
            self.takeRest()  // before the owner settles what a get has brought
        } catch {
            self.expectEnd(error)
        }
    }

    /// Calls that block their owner: what goes on meanwhile is up to the seat.
    private func call(_ kind: Int) throws(AMQPError) {
        switch kind % 8 {
        case 4 where self.isTransactional && (kind / 8).isMultiple(of: 2):
            try self.channel.rollback()
            for delivery in self.uncommitted { self.settlings[delivery.deliveryTag] = nil }
            self.unsettled += self.uncommitted
            self.uncommitted = []
            self.note("rollback")
        case 4 where self.isTransactional:
            try self.channel.commit()
            self.uncommitted = []
            self.note("commit")
        case 5 where !self.isConfirming && !self.isTransactional:
            try self.channel.selectTransactions()
            self.isTransactional = true
        case 6 where !self.isTransactional:
            try self.channel.recover()
            self.unsettled = []
            self.hasRecovered = true
            self.note("recover")
        default:
            guard let delivery = try self.channel.get("q") else { return self.note("get, empty") }
            self.check(delivery)
            self.note("get")
        }
    }

    func publish(size: Int, mayWait: Bool, mandatory: Bool) {
        guard self.isIdle else { return }
        let waits = !self.channel.canPublishAtOnce
        guard mayWait || !waits else { return }
        let body = [UInt8](repeating: 1, count: size)
        let token = self.nextToken
        do throws(AMQPError) {
            let sequence = try body.withBytes { (bytes) throws(AMQPError) in
                try self.channel.publish(
                    bytes,
                    exchange: "",
                    routingKey: "q",
                    properties: BasicProperties(),
                    mandatory: mandatory,
                    token: token
                )
            }
            self.note(waits ? "publish, waited for room" : "publish")
            guard self.isConfirming else { return }
            if sequence != token { self.violations.append("publish \(token) got number \(sequence)") }
            self.verdicts[token] = []
            self.nextToken += 1
        } catch {
            self.expectEnd(error)
        }
    }

    // MARK: What it settles

    /// Settles a delivery, sometimes twice, in no order; also while a commit is on its way.
    func settle(_ choice: Int) {
        guard !self.unsettled.isEmpty else { return }
        let index = choice % self.unsettled.count
        let delivery = self.unsettled[index]
        do throws(AMQPError) {
            switch choice % 5 {
            case 0:
                try self.channel.reject(delivery, requeue: false)
                self.settled([delivery], .reject)
            case 1:
                try self.channel.nack(delivery, requeue: true)
                self.settled([delivery], .nack)
            case 2:
                try self.channel.ackAll(upTo: delivery)
                self.settled(self.unsettled.filter { $0.deliveryTag <= delivery.deliveryTag }, .ack)
            default:
                try self.channel.ack(delivery)
                self.settled([delivery], .ack)
            }
        } catch {
            self.expectEnd(error)
        }
        if choice % 7 == 0 { try? self.channel.ack(delivery) }  // refused here, and never sent
        if choice % 3 == 0 { self.channel.sendAcks() }
    }

    private func settled(_ deliveries: [Delivery], _ how: SimulatedBroker.Settling) {
        for delivery in deliveries {
            self.unsettled.removeAll { $0.deliveryTag == delivery.deliveryTag }
            self.settlings[delivery.deliveryTag] = how
            if self.isTransactional { self.uncommitted.append(delivery) }
        }
        self.note("settled")
    }

    /// Tries to settle what another channel, or an earlier one of this number, was given: refused if that one is open,
    /// else dropped, and counted (C54).
    func settleForeign(_ delivery: Delivery, _ choice: Int) {
        guard let line = delivery.line, line !== self.channel.lane.ackLine else { return }
        let (before, isOpen) = (self.channel.droppedAckCount, !line.hasEnded)
        var isRefused = false
        do throws(AMQPError) {
            switch choice % 4 {
            case 0: try self.channel.reject(delivery, requeue: false)
            case 1: try self.channel.nack(delivery, requeue: true)
            case 2: try self.channel.ackAll(upTo: delivery)
            default: try self.channel.ack(delivery)
            }
        } catch {
            isRefused = error.code == .refusedLocally
            if !isRefused { self.violations.append("a foreign ack: \(error)") }
        }
        if isRefused != isOpen { self.violations.append("a foreign ack of a channel that is open: \(isOpen)") }
        if self.channel.endReason == nil, self.channel.droppedAckCount != before + (isOpen ? 0 : 1) {
            self.violations.append("a foreign ack was not counted, or was and is none")
        }
        self.channel.sendAcks()
        self.note("foreign ack")
    }

    // MARK: How it ends

    func close() {
        guard self.waiting != .close, self.channel.endReason == nil else { return }
        if self.channel.startClose() {
            self.waiting = .close
        } else {
            self.pump()  // it had ended already; the reply to what was asked before may be there, too
        }
    }

    /// Another thread ends it for its owner.
    func breakOff() {
        guard self.channel.endReason == nil, self.channel.breaker.endChannel("stuck") else { return }
        self.note("broken off")
    }

    private func expectEnd(_ error: AMQPError) {
        if error.scope == .call { self.violations.append("refused: \(error)") }
        self.pump()
    }
}
