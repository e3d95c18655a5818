import AMQPClient
import AMQPWire
import Logging

/// `kill_timeout`, from the worker's side.
extension Worker {
    /// Whether the supervisor has given this worker up: another one has its place.
    var isAbandoned: Bool { self.handle.killSwitch?.isThrown ?? false }

    /// Puts a delivery that is begun alone where the supervisor sees it; or, if a handler has hung on it alone before,
    /// settles it as that failure.
    ///
    /// The attempt that hung could not be counted then: its channel belonged to the thread that was stuck. So it is
    /// counted when the message comes again, by the copy that every failure makes, and no handler sees it before.
    func hasHung(_ delivery: InFlight, _ block: Block, _ now: UInt64, _ channel: Channel) -> Bool {
        if self.circumstance(of: delivery, block) == .alone {
            self.settleHung(delivery, block, channel)
            return true
        }
        self.show(delivery, block, now, .alone)
        return false
    }

    /// How a handler has hung on a message before; asking forgets it.
    ///
    /// A message that has hung too often is alone to blame, whether it or a copy of it was in hand: both may be about.
    func circumstance(of delivery: InFlight, _ block: Block) -> HungMessages.Circumstance? {
        let hung = self.handle.hung
        let record = delivery.record
        if record.redelivered {
            hung.noteTakenBack()
            if let circumstance = hung.take(record, block) { return circumstance }
            if self.awaitWhoHas(record, block) {
                hung.noteTakenBack()
                if let circumstance = hung.take(record, block) { return circumstance }
            }
        }
        guard hung.isSpent(record, block) else { return nil }
        if record.redelivered || delivery.isCopy { return self.countsHangs ? .alone : nil }
        hung.forget(record, block)  // published anew
        return nil
    }

    /// Whether a failure of this job comes again, and may hang again.
    private var countsHangs: Bool {
        switch self.handle.job.onFailure {
        case .retry, .requeue: true
        case .reject, .discard: false
        }
    }

    /// A delivery that its handler has given back.
    @inline(__always)
    func putDownHand(_ delivery: InFlight, _ block: Block?) {
        guard let killSwitch = self.handle.killSwitch else { return }
        self.putDownHand(delivery, block, killSwitch)
    }

    private func putDownHand(_ delivery: InFlight, _ block: Block?, _ killSwitch: KillSwitch) {
        // Too late, and its hang is counted, and it comes again.
        guard killSwitch.putDown(delivery) else { return }
        guard delivery.record.redelivered || delivery.isCopy, let owner = block?.owner ?? delivery.owner else { return }
        killSwitch.hung.forget(delivery.record, Block(bytes: delivery.bytes, owner: owner))
    }

    func settleHung(_ delivery: InFlight, _ block: Block, _ channel: Channel) {
        delivery.isInHand = false
        delivery.verdict = .retry
        let reason = self.handle.killSwitch == nil ? Self.takenBack : Self.hung
        delivery.reason = reason
        delivery.owner = block.owner
        guard self.hangsAgain(delivery, block) else { return self.settle(delivery, channel) }
        delivery.reason = reason + ", twice in a row"
        self.handle.logger.error(
            "a message on which the handler hangs is set aside",
            metadata: [
                "delivery": "\(delivery.record.deliveryTag)",
                "message_id": "\(delivery.properties.messageID ?? "none")",
            ]
        )
        self.carryOut(.deadLetter(.hung), delivery, channel)
        self.putDown(delivery)
    }

    private static var hung: String { "the handler ran longer than kill_timeout" }
    private static var takenBack: String { "the handler ran longer than the broker's consumer_timeout" }

    /// Each hang may cost a thread for good: with many attempts one message would use up all that the job may lose.
    ///
    /// A handler that only takes too long ends at `timeout`, and has all its attempts. The header of a copy counts where
    /// this process knows nothing.
    private func hangsAgain(_ delivery: InFlight, _ block: Block) -> Bool {
        guard self.countsHangs else { return false }
        if self.handle.hung.isSpent(delivery.record, block) { return true }
        return self.handle.job.onFailure == .retry && delivery.isCopy
            && [Self.hung, Self.takenBack].contains(delivery.properties.headers?[JobHeaders.error]?.stringValue)
    }

    /// Lets the supervisor see that a delivery is begun.
    func show(_ delivery: InFlight, _ block: Block, _ now: UInt64, _ circumstance: HungMessages.Circumstance) {
        guard let killSwitch = self.handle.killSwitch else { return }
        let hand = KillSwitch.Hand(
            record: delivery.record,
            block: block,
            beganAt: now,
            circumstance: circumstance
        )
        killSwitch.take(delivery, hand)
    }

    // MARK: What is on its way

    /// Before a handler takes its time: what can be sent is on the wire, and what was answered is known.
    ///
    /// Acks alone are not sent for that: who gives the worker up sends them.
    func settleWhatIsOnItsWay(_ channel: Channel) {
        if !self.outputs.isEmpty { self.releaseOutputs(channel) }
        self.sendAcks(channel)
        channel.pump(until: 0)
        self.takeIn(channel)
    }

    @inline(__always)
    func notePublished(
        _ line: Placements.Line,
        _ sequence: UInt64,
        for tag: UInt64,
        _ settlement: Settlement,
        begins: Int?
    ) {
        self.handle.killSwitch?.note { $0.published(line, sequence, for: tag, settlement, begins: begins) }
    }

    func noteAnswers(_ line: Placements.Line, _ answers: ContiguousArray<PublishVerdict>) {
        guard let killSwitch = self.handle.killSwitch, !answers.isEmpty else { return }
        killSwitch.note { placements in
            for answer in answers { placements.answered(line, answer.sequence, answer.verdict) }
        }
    }

    @inline(__always)
    func noteSettled(_ tag: UInt64) { self.handle.killSwitch?.note { $0.settled(tag) } }

    /// Inputs that were acked in this worker's place, when it was given up, are no dropped acks.
    func countAckedInOurPlace(_ held: [HeldDelivery]) {
        guard let acked = self.handle.killSwitch?.takeAcked(), !acked.isEmpty else { return }
        self.counts.droppedAcks -= acked.count
        for input in acked {
            self.counts.count(input.settlement)
            self.counts.published += held.first { $0.record.deliveryTag == input.tag }?.outputs.count ?? 0
        }
    }
}
