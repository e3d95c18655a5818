import AMQPClient
import AMQPWire

/// One channel of the client under simulation, and what its owner still waits for.
final class SimulatedClient {
    enum Waiting: Equatable { case open, reply(MethodID), close }
    let channel: Channel
    let life: Int
    private(set) var waiting: Waiting? = .open
    private(set) var isConfirming = false
    private(set) var consumes = false
    private(set) var violations: [String] = []
    /// Every publish of a confirm channel, and the answers it got.
    private(set) var verdicts: [UInt64: [ConfirmVerdict]] = [:]
    private var unsettled: [Delivery] = []
    private(set) var received = 0
    private var lastTag: UInt64 = 0
    private var nextToken: UInt64 = 1

    init(_ channel: Channel, life: Int) {
        self.channel = channel
        self.life = life
    }

    var isOver: Bool { self.channel.endReason != nil && self.waiting == nil }
    var isIdle: Bool { self.channel.endReason == nil && self.waiting == nil }

    /// Takes in what has come, without waiting.
    func pump() {
        self.channel.pump(until: 0)
        if self.waiting == .close {
            if self.channel.finishClose() { self.waiting = nil }
        } else {
            while let reply = self.channel.takeReply() {
                if self.waiting == nil { self.violations.append("a reply to nobody: \(reply)") }
                if self.waiting == .reply(.basicConsume) { self.consumes = true }
                if self.waiting == .reply(.confirmSelect) {
                    self.isConfirming = true
                    self.channel.enter(.confirm)
                }
                self.waiting = nil
            }
            if self.channel.endReason != nil { self.waiting = nil }  // ended by the reason, which every call throws
        }
        for answer in self.channel.takeVerdicts() { self.verdicts[answer.token, default: []].append(answer.verdict) }
        _ = self.channel.takeReturnedMessages()
        if !self.channel.takeCancelledConsumers().isEmpty { self.consumes = false }
        while let batch = self.channel.takeBatch() {
            for record in batch.records {
                self.check(Delivery(block: batch.block, record: record, incarnation: self.channel.incarnation))
            }
        }
        if self.channel.endReason != nil { self.unsettled.removeAll() }
    }

    private func check(_ delivery: Delivery) {
        let label = String(decoding: delivery.body.prefix { $0 != UInt8(ascii: "|") }, as: UTF8.self)
        self.lastTag += 1
        self.received += 1
        if label != "\(self.channel.number).\(self.life).\(self.lastTag)" {
            self.violations.append(
                "delivery \(label) on channel \(self.channel.number), life \(self.life), tag \(self.lastTag)"
            )
        }
        self.unsettled.append(delivery)
    }

    // MARK: What its owner does

    func request(_ kind: Int) {
        guard self.isIdle else { return }
        do throws(AMQPError) {
            switch kind % 4 {
            case 0 where !self.consumes:
                try self.channel.startRequest(BasicConsume(queue: "q", consumerTag: "c"), expecting: .basicConsumeOk)
                self.waiting = .reply(.basicConsume)
            case 1 where !self.isConfirming:
                // As selectConfirms does: only what is published after the answer counts.
                try self.channel.startRequest(ConfirmSelect(), expecting: .confirmSelectOk)
                self.waiting = .reply(.confirmSelect)
            case 2:
                try self.channel.startRequest(QueueDeclare(queue: "q"), expecting: .queueDeclareOk)
                self.waiting = .reply(.queueDeclare)
            default:
                try self.channel.startRequest(BasicQos(prefetchCount: 5), expecting: .basicQosOk)
                self.waiting = .reply(.basicQos)
            }
        } catch {
            self.expectEnd(error)
        }
    }

    func publish(size: Int) {
        guard self.isIdle, self.channel.canPublishAtOnce else { return }
        let body = [UInt8](repeating: 1, count: size)
        let token = self.nextToken
        do throws(AMQPError) {
            let sequence = try body.withBytes { (bytes) throws(AMQPError) in
                try self.channel.publish(
                    bytes,
                    exchange: "",
                    routingKey: "q",
                    properties: BasicProperties(),
                    mandatory: false,
                    token: token
                )
            }
            guard self.isConfirming else { return }
            if sequence != token { self.violations.append("publish \(token) got number \(sequence)") }
            self.verdicts[token] = []
            self.nextToken += 1
        } catch {
            self.expectEnd(error)
        }
    }

    /// Settles a delivery, sometimes twice, in no order.
    func settle(_ choice: Int) {
        guard !self.unsettled.isEmpty else { return }
        let index = choice % self.unsettled.count
        let delivery = self.unsettled[index]
        do throws(AMQPError) {
            switch choice % 5 {
            case 0:
                try self.channel.reject(delivery, requeue: false)
                self.unsettled.remove(at: index)
            case 1:
                try self.channel.nack(delivery, requeue: true)
                self.unsettled.remove(at: index)
            case 2:
                try self.channel.ackAll(upTo: delivery)
                self.unsettled.removeAll { $0.deliveryTag <= delivery.deliveryTag }
            default:
                try self.channel.ack(delivery)
                self.unsettled.remove(at: index)
            }
        } catch {
            self.expectEnd(error)
        }
        if choice % 7 == 0 { try? self.channel.ack(delivery) }  // refused here, and never sent
        if choice % 3 == 0 { self.channel.sendAcks() }
    }

    func close() {
        guard self.waiting != .close, self.channel.endReason == nil else { return }
        if self.channel.startClose() {
            self.waiting = .close
        } else {
            self.pump()  // it had ended already; the reply to what was asked before may be there, too
        }
    }

    private func expectEnd(_ error: AMQPError) {
        if error.scope == .call { self.violations.append("refused: \(error)") }
    }
}
