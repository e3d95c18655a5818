import AMQPClient
import AMQPWire
import CMillraceABI
import Logging
import Synchronization

/// Deliveries for a handler that takes batches: collected, begun together, settled each by itself.
extension Worker {
    /// Collects what is there, and begins what is full or has waited long enough.
    ///
    /// While draining nothing more comes, and nobody takes it back: then a batch waits for nothing.
    func workOffInBatches(_ batching: Batching, _ channel: Channel, whileDraining: Bool) {
        while true {
            self.collect(batching, channel, whileDraining)
            guard channel.isOpen, whileDraining || !self.handle.isDraining else { return }
            if channel.hasCancelledConsumers, self.handle.job.ack.mode == .auto { return }
            let now = MonotonicClock.now()
            guard batching.mayBegin(pausedUntil: self.pausedUntil, now: now) else { return }
            guard batching.collector.isDue(now: whileDraining ? .max : now) else { return }
            self.publishCounts()  // in hand from here on, however long the handler takes
            if self.handle.killSwitch != nil, !self.outputs.isEmpty || !self.parked.isEmpty {
                self.sendAndTakeIn(channel)
                guard channel.isOpen else { return }
            }
            self.beginBatch(batching, batching.collector.take(), channel)
            self.sendAndTakeIn(channel)
        }
    }

    private func collect(_ batching: Batching, _ channel: Channel, _ whileDraining: Bool) {
        while !batching.collector.isFull, self.mayBegin(channel), let batch = self.batch {
            while self.nextRecord < batch.records.count {
                if (self.handle.isDraining && !whileDraining) || !channel.isOpen || batching.collector.isFull { return }
                if !whileDraining, let limiter = self.limiter {
                    let wait = limiter.take()
                    if wait > 0 {
                        self.pausedUntil = MonotonicClock.now() &+ wait
                        batching.limitedUntil = self.pausedUntil
                        return
                    }
                }
                let collected = Batching.Collected(record: batch.records[self.nextRecord], block: batch.block)
                self.nextRecord += 1
                let isFirst = batching.collector.deadline == nil
                batching.collector.add(collected, now: isFirst ? MonotonicClock.now() : 0)
            }
            self.batch = nil
        }
    }

    /// What is settled goes out, and what has come is taken in, before a handler takes its time.
    private func sendAndTakeIn(_ channel: Channel) {
        self.sendAcks(channel)
        channel.pump(until: 0)
        self.takeIn(channel)
    }

    private func beginBatch(_ batching: Batching, _ collected: [Batching.Collected], _ channel: Channel) {
        let now = MonotonicClock.now()
        var together: [InFlight] = []
        var alone: [InFlight] = []
        for item in collected {
            if let ledger = self.ledger, self.isSetAside(item.record, item.block, ledger, channel) { continue }
            self.counts.received += 1
            let delivery = self.nextHand()
            delivery.begin(item.record, item.block.bytes, incarnation: channel.incarnation)
            delivery.owner = item.block.owner
            switch self.circumstance(of: delivery, item.block) {
            case .alone: self.settleHung(delivery, item.block, channel)
            case .inBatch: alone.append(delivery)
            case nil:
                self.takeInHand(delivery, item.block, now, collected.count == 1 ? .alone : .inBatch)
                together.append(delivery)
            }
        }
        if !alone.isEmpty {
            self.handle.logger.warning(
                "a batch hung; its messages are handled one by one",
                metadata: ["messages": "\(alone.count)"]
            )
        }
        self.noteBegin(of: together.first)
        self.hold(together)
        self.begin(together, batching)
        var failed: [InFlight] = []
        for delivery in together {
            self.letGo(delivery)
            if self.wasTakenBack(delivery, alone: together.count == 1, channel) { continue }
            if delivery.verdict == .alone { failed.append(delivery) } else { self.settle(delivery, channel) }
        }
        if let reason = failed.first?.reason {
            self.handle.logger.warning(
                "a batch failed; its messages are handled one by one",
                metadata: ["messages": "\(failed.count)", "reason": "\(reason)"]
            )
        }
        self.beginEach(of: failed + alone, batching, channel)
        self.handle.beganAt.store(0, ordering: .relaxed)
    }

    /// For who watches how long it takes; a batch goes by its first delivery.
    private func noteBegin(of first: InFlight?) {
        guard let first else { return }
        self.handle.beganAt.store(first.beganAt, ordering: .relaxed)
        self.handle.oldest.set(first.record.deliveryTag)
    }

    /// From here until ``letGo(_:)`` it stands in the crash ledger, and the supervisor sees it.
    private func takeInHand(
        _ delivery: InFlight,
        _ block: Block,
        _ now: UInt64,
        _ circumstance: HungMessages.Circumstance
    ) {
        delivery.beganAt = now
        self.show(delivery, block, now, circumstance)
        if let ledger = self.ledger { delivery.ledgerEntry = ledger.begin(delivery.record, block) }
    }

    private func letGo(_ delivery: InFlight) {
        self.putDownHand(delivery, nil)
        self.endInLedger(delivery)
        self.completeIfForgotten(delivery)
    }

    private func hold(_ deliveries: [InFlight]) {
        let hands = deliveries.compactMap { delivery in
            delivery.owner.map { owner in
                HandWatch.Hand(record: delivery.record, block: Block(bytes: delivery.bytes, owner: owner))
            }
        }
        self.handle.hands.hold(hands)
    }

    private func wasTakenBack(_ delivery: InFlight, alone: Bool, _ channel: Channel) -> Bool {
        guard channel.hasTimedOut, self.handle.job.ack.mode == .auto, let owner = delivery.owner else { return false }
        self.noteTakenBack(delivery, Block(bytes: delivery.bytes, owner: owner), alone: alone, channel)
        self.putDown(delivery)
        return true
    }

    private func begin(_ deliveries: [InFlight], _ batching: Batching) {
        guard !deliveries.isEmpty else { return }
        let messages = deliveries.map(\.message)
        let tokens = deliveries.map { Optional($0.pointer) }
        messages.withUnsafeBufferPointer { messages in
            // By pointers: a plugin may have been built with a shorter message.
            let pointers = messages.indices.map { index in messages.baseAddress.map { $0 + index } }
            pointers.withUnsafeBufferPointer { pointers in
                tokens.withUnsafeBufferPointer { tokens in
                    batching.begin(self.instance, pointers.baseAddress, tokens.baseAddress, tokens.count)
                }
            }
        }
    }

    /// A batch failed or hung as a whole: each of its deliveries is begun by itself, so that the guilty one alone fails.
    private func beginEach(of deliveries: [InFlight], _ batching: Batching, _ channel: Channel) {
        for delivery in deliveries {
            delivery.publications.removeAll()
            guard let owner = delivery.owner, !self.isTooLate(delivery, batching, channel) else {
                self.putDown(delivery)
                continue
            }
            let now = MonotonicClock.now()
            delivery.begin(delivery.record, delivery.bytes, incarnation: delivery.incarnation)
            let block = Block(bytes: delivery.bytes, owner: owner)
            if let ledger = self.ledger { _ = ledger.look(at: delivery.record, block, mayWait: false) }
            self.takeInHand(delivery, block, now, .alone)
            self.noteBegin(of: delivery)
            self.hold([delivery])
            var message = delivery.message
            self.functions.begin(self.instance, &message, delivery.pointer)
            self.letGo(delivery)
            if self.wasTakenBack(delivery, alone: true, channel) { continue }
            self.settle(delivery, channel)
            self.sendAndTakeIn(channel)
        }
    }

    /// Whether a delivery is not begun again: its channel ended, or the supervisor waits for handlers no longer.
    ///
    /// Without acks there is nobody who would give it out again.
    private func isTooLate(_ delivery: InFlight, _ batching: Batching, _ channel: Channel) -> Bool {
        guard self.handle.job.ack.mode == .auto else { return false }
        if !channel.isOpen {
            self.counts.droppedAcks += 1
            return true
        }
        guard self.handle.isCancelled, let owner = delivery.owner else { return false }
        // The drain gives it back with what is collected: before the consumer is cancelled it would come again at once.
        let block = Block(bytes: delivery.bytes, owner: owner)
        batching.collector.add(Batching.Collected(record: delivery.record, block: block), now: MonotonicClock.now())
        self.counts.received -= 1
        return true
    }
}
