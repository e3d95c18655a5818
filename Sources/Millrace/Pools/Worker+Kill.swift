import AMQPClient
import AMQPWire

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
        guard record.redelivered, let killSwitch = self.handle.killSwitch else { return nil }
        return killSwitch.hung.take(Fingerprint(of: record, block))
    }

    func settleHung(_ delivery: InFlight, _ block: Block, _ channel: Channel) {
        delivery.isInHand = false
        delivery.verdict = .retry
        delivery.reason = "the handler ran longer than kill_timeout"
        delivery.owner = block.owner
        self.settle(delivery, channel)
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
