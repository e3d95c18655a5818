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
        if self.circumstance(of: delivery.record, block) == .alone {
            self.settleHung(delivery, block, channel)
            return true
        }
        self.show(delivery, block, now, .alone)
        return false
    }

    /// How a handler has hung on a message before; asking forgets it.
    func circumstance(of record: ContentRecord, _ block: Block) -> HungMessages.Circumstance? {
        guard record.redelivered else { return nil }
        let hung = self.handle.hung
        hung.noteTakenBack()
        if let circumstance = hung.take(Fingerprint(of: record, block)) { return circumstance }
        guard self.awaitWhoHas(record, block) else { return nil }
        hung.noteTakenBack()
        return hung.take(Fingerprint(of: record, block))
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
    /// A handler that only takes too long ends at `timeout`, and has all its attempts.
    private func hangsAgain(_ delivery: InFlight, _ block: Block) -> Bool {
        switch self.handle.job.onFailure {
        case .retry:
            delivery.isCopy
                && [Self.hung, Self.takenBack].contains(delivery.properties.headers?[JobHeaders.error]?.stringValue)
        case .requeue: self.handle.hung.isSecond(Fingerprint(of: delivery.record, block))
        case .reject, .discard: false
        }
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
}
