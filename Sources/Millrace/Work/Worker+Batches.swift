import AMQPClient
import AMQPWire
import Logging

/// Deliveries for a handler that takes batches: collected, begun together, settled each by itself.
extension Worker {
    /// Collects what is there, and begins what is full or has waited long enough.
    ///
    /// While draining nothing more comes, and nobody takes it back: then a batch waits for nothing.
    func workOffInBatches(_ begin: HandlerFunctions.BeginBatch, _ channel: Channel, whileDraining: Bool) {
        while true {
            while self.mayBegin(channel), channel.isOpen, whileDraining || !self.handle.isDraining {
                guard self.intake.collect(mayWait: !whileDraining, now: MonotonicClock.now()) else { break }
            }
            guard channel.isOpen, whileDraining || !self.handle.isDraining else { return }
            if channel.hasCancelledConsumers, self.hands.isAcked { return }
            guard let batch = self.intake.takeDue(isLast: whileDraining, now: MonotonicClock.now()) else { return }
            self.publishCounts(beginning: batch.count)  // however long the handler takes
            if self.handle.killSwitch != nil, !self.outlet.isEmpty || !self.parking.isEmpty {
                self.sendAndTakeIn(channel)
            }
            self.beginBatch(batch, begin, channel)
            self.sendAndTakeIn(channel)
        }
    }

    /// What is settled goes out, and what has come is taken in, before a handler takes its time.
    private func sendAndTakeIn(_ channel: Channel) {
        self.sendAcks(channel)
        channel.pump(until: 0)
        self.takeIn(channel)
    }

    private func beginBatch(
        _ collected: [Intake.Collected],
        _ begin: HandlerFunctions.BeginBatch,
        _ channel: Channel
    ) {
        let now = MonotonicClock.now()
        var together: [InFlight] = []
        var byItself: [InFlight] = []
        for item in collected {
            let (record, block) = (item.record, item.block)
            if case .condemned(let reason)? = self.hands.ledger?.look(at: record, block, mayWait: false) {
                self.setAside(record, block, reason, channel)
                continue
            }
            switch self.hands.admit(record, block, now: now, isOnly: collected.count == 1, on: channel) {
            case .together(let delivery):
                self.hands.noteWait(delivery, item.arrivedAt, now: now, weight: 1)
                together.append(delivery)
            case .byItself(let delivery): byItself.append(delivery)
            case .hung(let delivery): self.settleHung(delivery, block, channel)
            }
        }
        if !byItself.isEmpty {
            self.handle.logger.warning(
                "a batch hung; its messages are handled one by one",
                metadata: ["messages": .number(byItself.count)]
            )
        }
        let failed = self.settleTogether(self.hands.begin(together, by: begin, on: channel), channel)
        if let reason = failed.first?.reason {
            self.handle.logger.warning(
                "a batch failed; its messages are handled one by one",
                metadata: ["messages": .number(failed.count), "reason": "\(reason)"]
            )
        }
        for delivery in failed + byItself { self.beginByItself(delivery, channel) }
        self.hands.stopClock()
    }

    /// - Returns: Those that are to be begun by themselves, because nobody knows which of them is at fault.
    private func settleTogether(_ begun: [Hands.Begun], _ channel: Channel) -> [InFlight] {
        var failed: [InFlight] = []
        self.settler.beginBatch()
        for end in begun {
            switch end {
            case .ended(let delivery) where delivery.verdict == .alone: failed.append(delivery)
            case .ended(let delivery): self.settle(delivery, channel)
            case .takenBack(let delivery), .gone(let delivery), .hung(let delivery): self.drop(delivery)
            case .inHand: break
            }
        }
        self.settler.endBatch(on: channel)
        return failed
    }

    private func beginByItself(_ delivery: InFlight, _ channel: Channel) {
        guard !self.isTooLate(delivery, channel) else { return self.hands.free(delivery) }
        switch self.hands.beginByItself(delivery, now: MonotonicClock.now(), on: channel) {
        case .ended(let delivery): self.settle(delivery, channel)
        case .takenBack(let delivery), .gone(let delivery), .hung(let delivery): return self.drop(delivery)
        case .inHand: break
        }
        self.sendAndTakeIn(channel)
    }

    /// Whether a delivery is not begun again: its channel ended, the supervisor waits for handlers no longer, or its job is held.
    ///
    /// Without acks there is nobody who would give it out again.
    private func isTooLate(_ delivery: InFlight, _ channel: Channel) -> Bool {
        guard self.hands.isAcked else { return false }
        if !channel.isOpen {
            self.settler.counts.droppedAcks += 1
            return true
        }
        guard self.handle.isCancelled || self.handle.hold.isHeld, let block = delivery.block else { return false }
        // The drain gives it back with what is collected: before the consumer is cancelled it would come again at once.
        self.intake.putBack(Intake.Collected(record: delivery.record, block: block), now: MonotonicClock.now())
        self.handle.received.add(-1)
        return true
    }
}
