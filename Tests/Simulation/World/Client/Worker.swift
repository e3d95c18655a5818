import AMQPCore
import AMQPWire

/// Consumes, handles one delivery after the other, publishes outputs, and settles.
final class Worker: Owner {
    /// A delivery whose handler was begun.
    struct Hand {
        let delivery: Delivery
        let id: UInt64
        let number: UInt16
        let incarnation: UInt64
        let outcome: Outcome
        /// All its outputs, those that are still to be sent, and those without a verdict.
        var outputs: [UInt64]
        var left: ArraySlice<UInt64>
        var waiting: Set<UInt64> = []
        var hasFailed = false
    }
    let mode: Swarm.Mode
    /// Came, and was not begun.
    private var backlog: [Delivery] = []
    /// Its handler runs.
    private var running: Hand?
    /// Handled, and waits for its outputs.
    private var awaiting: [Hand] = []
    /// Handled and to be acked together.
    private var finished: [Delivery] = []
    private var isCommitting = false
    /// Its queue for outputs is gone: the next channel declares it.
    private var mustReopen = false
    /// Handled on a channel that is over: the product drops their acks.
    private var late: [Hand] = []
    private var lastHand: Hand?
    /// The mutant's: acked with the commit of the one before.
    private var ackedEarly: Set<UInt64> = []

    init(client: Client, index: Int, mode: Swarm.Mode) {
        self.mode = mode
        super.init(client: client, index: index)
    }

    override var steps: [Step] {
        var steps: [Step] = [.declare(World.input), .declare(World.output)]
        switch self.mode {
        case .plain: break
        case .confirm: steps.append(.confirms)
        case .transaction: steps.append(.transactions)
        }
        steps.append(.prefetch(self.world.swarm.prefetch))
        if self.world.mutant == .forgetsToConsume, self.channelCount > 1 { return steps }
        return steps + [.consume(World.input)]
    }

    override var isBusy: Bool { self.running != nil }
    override var isIdle: Bool {
        self.running == nil && self.backlog.isEmpty && self.awaiting.isEmpty && self.finished.isEmpty
            && !self.isCommitting
    }
    override var state: String {
        super.state + ", \(self.backlog.count) to handle, \(self.awaiting.count) wait for their outputs"
            + (self.isCommitting ? ", commits" : "")
    }

    // MARK: What comes

    override func takeIn(_ channel: Channel) {
        for delivery in channel.takeRest() {
            guard self.message(delivery) != nil else {
                self.world.violated(.contentsWhole, "delivery \(delivery.deliveryTag) is not what was published")
                continue
            }
            self.world.note(self.who, .told, delivery.deliveryTag)
            self.backlog.append(delivery)
        }
        for answer in channel.takeVerdicts() { self.take(answer, channel) }
        if !channel.takeReturnedMessages().isEmpty { self.mustReopen = true }
        if !channel.takeCancelledConsumers().isEmpty { self.mustReopen = true }
    }

    /// Which message it is, if it came as it was made.
    private func message(_ delivery: Delivery) -> UInt64? {
        delivery.withBody { Ledger.whole($0, most: self.world.swarm.bodyOctets) }
    }

    private func take(_ answer: PublishVerdict, _ channel: Channel) {
        let verdict = self.world.check(answer, channel, self)
        guard self.mode == .confirm else { return }
        guard let place = self.awaiting.firstIndex(where: { $0.waiting.contains(answer.token) }) else {
            // The handling was given up with its channel.
            if channel.endReason == nil {
                self.world.violated(.waiterEndsOnce, "a verdict for output \(answer.token), which nobody waits for")
            }
            return
        }
        self.awaiting[place].waiting.remove(answer.token)
        if verdict == .confirmed {
            self.world.book.ledger[answer.token].isConfirmed = true
        } else {
            self.awaiting[place].hasFailed = true
        }
    }

    override func channelEnded() {
        self.backlog = []
        self.finished = []
        self.isCommitting = false
        self.mustReopen = false
        self.ackedEarly = []
        self.late = (self.lastHand.map { [$0] } ?? []) + self.awaiting
        self.lastHand = nil
        if let hand = self.awaiting.first(where: { !$0.waiting.isEmpty }) {
            let text = "the channel has ended, and outputs of message \(hand.id) have no verdict"
            self.world.violated(.waiterEndsOnce, text)
        }
        self.awaiting = []
    }

    // MARK: Work

    override func work(_ channel: Channel) {
        if self.mode != .plain { self.sendOutputs(channel) }
        if self.stage == .running {
            if channel.unsettledCount > 0 { self.settleLate(channel) }
            self.begin(channel)
            self.settleTogether(channel, atLeast: self.backlog.isEmpty && !self.isBusy ? 1 : self.world.swarm.together)
        }
        self.sendAcks(channel)
        if self.mustReopen, !self.isBusy, self.stage == .running { self.closeAtOnce() }
    }

    private func begin(_ channel: Channel) {
        guard self.running == nil, !self.isCommitting, !self.backlog.isEmpty else { return }
        // A commit is for one input: the next is begun behind commit-ok.
        guard self.awaiting.count < (self.mode == .transaction ? 1 : 4) else { return }
        let delivery = self.world.swarm.takesLast ? self.backlog.removeLast() : self.backlog.removeFirst()
        let hand = self.hand(delivery, channel)
        self.running = hand
        self.world.note(self.who, .began, hand.id, delivery.deliveryTag)
        let swarm = self.world.swarm
        let time = swarm.handlerMilliseconds == 0 ? 0 : self.world.draw() % UInt64(swarm.handlerMilliseconds)
        let item = Agenda.Item.handlerEnds(client: self.client.index, owner: self.index)
        self.world.add(item, at: self.world.now + time * 1_000_000)
    }

    private func hand(_ delivery: Delivery, _ channel: Channel) -> Hand {
        let id = self.message(delivery) ?? 0
        let draw = self.world.draw()
        var outcome = Outcome.ack
        if Int(draw % 100) < self.world.swarm.failures { outcome = draw % 7 < 5 ? .requeue : .reject }
        var outputs: [UInt64] = []
        if outcome == .ack, self.mode != .plain {
            for _ in 0..<Int(draw >> 32) % (self.world.swarm.outputs + 1) {
                outputs.append(self.world.book.ledger.add(input: id))
            }
        }
        return Hand(
            delivery: delivery,
            id: id,
            number: channel.number,
            incarnation: channel.incarnation,
            outcome: outcome,
            outputs: outputs,
            left: outputs[...]
        )
    }

    /// The handler that runs has ended.
    func handlerEnded() {
        guard let hand = self.running else { return }
        self.running = nil
        self.lastHand = hand
        if let channel, self.stage != .closing { self.settle(hand, channel) }
        if self.world.mutant == .losesWakeUp, let channel, self.stage == .running {
            self.work(channel)
        } else {
            self.look()
        }
    }

    /// What was handled on a channel that is over is settled on the next one: the product drops that, and counts it (C54).
    private func settleLate(_ channel: Channel) {
        for hand in self.late {
            if self.world.mutant == .acksOldTag {
                _ = channel.ack(tag: hand.delivery.deliveryTag)
            } else {
                do throws(AMQPError) { try channel.ack(hand.delivery) } catch { self.expectEnd(error, channel) }
            }
        }
        self.late = []
    }

    private func settle(_ hand: Hand, _ channel: Channel) {
        var hand = hand
        // In a transaction all waits for the commit.
        guard hand.outcome == .ack || self.mode == .transaction else {
            return self.settle(hand, hand.outcome, channel)
        }
        switch self.mode {
        case .plain:
            self.decide(hand.delivery, .ack, channel)
            if self.world.swarm.together > 1, !self.world.swarm.takesLast {
                self.finished.append(hand.delivery)
            } else {
                self.send(.ack, hand.delivery, channel)
            }
        case .confirm where self.world.mutant == .acksBeforeConfirm:
            while let output = hand.left.first, self.world.publish(output, to: World.output, on: channel, self) {
                hand.left = hand.left.dropFirst()
            }
            self.settle(hand, .ack, channel)
        case .confirm, .transaction:
            self.awaiting.append(hand)
            self.sendOutputs(channel)
            channel.sendAcks()
        }
    }

    private func settle(_ hand: Hand, _ outcome: Outcome, _ channel: Channel) {
        self.decide(hand.delivery, outcome, channel, outputs: outcome == .ack ? hand.outputs : [])
        self.send(outcome, hand.delivery, channel)
    }

    private func decide(_ delivery: Delivery, _ outcome: Outcome, _ channel: Channel, outputs: [UInt64] = []) {
        self.world.note(self.who, .decided, delivery.deliveryTag, UInt64(outcome.rawValue))
        self.link?.watch
            .decides(channel.number, channel.incarnation, delivery.deliveryTag, outcome, outputs: outputs)
    }

    private func send(_ outcome: Outcome, _ delivery: Delivery, _ channel: Channel) {
        do throws(AMQPError) {
            switch outcome {
            case .ack: try channel.ack(delivery)
            case .requeue: try channel.nack(delivery, requeue: true)
            case .reject: try channel.reject(delivery, requeue: false)
            }
        } catch {
            self.expectEnd(error, channel)
        }
        self.sendAcks(channel)
    }

    /// Acks that may wait for others go out with the next tick, or when there is nothing else to do.
    private func sendAcks(_ channel: Channel) {
        if self.world.swarm.ackBatch == 1 || self.backlog.isEmpty { channel.sendAcks() }
    }

    override func opened(_ channel: Channel) { channel.batchAcks(self.world.swarm.ackBatch) }

    /// One ack for all that was handled: nothing below the last is unsettled.
    private func settleTogether(_ channel: Channel, atLeast count: Int) {
        guard self.finished.count >= count, let last = self.finished.last else { return }
        self.finished = []
        do throws(AMQPError) { try channel.ackAll(upTo: last) } catch { self.expectEnd(error, channel) }
        channel.sendAcks()
    }

    // MARK: Outputs

    /// Sends outputs as far as there is room, and settles the inputs that have all of theirs.
    private func sendOutputs(_ channel: Channel) {
        for place in self.awaiting.indices {
            while let output = self.awaiting[place].left.first {
                guard self.world.publish(output, to: World.output, on: channel, self) else { return }
                self.awaiting[place].left = self.awaiting[place].left.dropFirst()
                if self.mode == .confirm { self.awaiting[place].waiting.insert(output) }
            }
        }
        channel.sendAcks()
        if self.mode == .transaction { return self.commit(channel) }
        let ready = self.awaiting.filter { $0.left.isEmpty && $0.waiting.isEmpty }
        self.awaiting.removeAll { $0.left.isEmpty && $0.waiting.isEmpty }
        for hand in ready { self.settle(hand, hand.hasFailed ? .requeue : .ack, channel) }
    }

    /// Commits the one that is handled: its outputs and its ack.
    private func commit(_ channel: Channel) {
        guard !self.isCommitting, !self.waits, let hand = self.awaiting.first, hand.left.isEmpty else { return }
        self.awaiting.removeFirst()
        if self.ackedEarly.remove(hand.delivery.deliveryTag) == nil { self.settle(hand, hand.outcome, channel) }
        if self.world.mutant == .sharesCommit { self.ackNext(channel) }
        do throws(AMQPError) {
            try channel.startCommit()
            self.isCommitting = true
            self.awaitsWork()
        } catch {
            self.expectEnd(error, channel)
        }
    }

    private func ackNext(_ channel: Channel) {
        guard let next = self.backlog.first, !self.ackedEarly.contains(next.deliveryTag) else { return }
        self.decide(next, .ack, channel, outputs: [self.world.book.ledger.add()])
        self.send(.ack, next, channel)
        self.ackedEarly.insert(next.deliveryTag)
    }

    override func finishWork(_ channel: Channel) -> Bool {
        guard self.isCommitting, channel.finishCommit() else { return false }
        self.isCommitting = false
        return true
    }

    // MARK: The end

    override func beginDrain(_ channel: Channel) {
        self.settleTogether(channel, atLeast: 1)
        self.cancelConsumer(channel)
    }

    override func isReadyToClose(_ channel: Channel) -> Bool {
        guard self.awaiting.isEmpty, !self.isCommitting else { return false }
        if self.world.mutant == .drainWaitsForItself { return channel.unsettledCount == 0 }
        guard !self.backlog.isEmpty else { return true }
        // What was not begun goes back, with as few frames as that takes.
        for delivery in self.backlog { self.decide(delivery, .requeue, channel) }
        _ = channel.giveBack(tags: self.backlog.map(\.deliveryTag))
        self.backlog = []
        channel.sendAcks()
        return true
    }
}
