import AMQPClient
import AMQPWire

/// `kill_timeout`, from the worker's side.
extension Worker {
    /// Whether the supervisor has given this worker up: another one has its place.
    var isAbandoned: Bool { self.handle.killSwitch?.isThrown ?? false }

    /// Puts a delivery where the supervisor sees it; or, if a handler has hung on it before, settles it as that failure.
    ///
    /// The attempt that hung could not be counted then: its channel belonged to the thread that was stuck. So it is
    /// counted when the message comes again, by the copy that every failure makes, and no handler sees it before.
    func hasHung(_ delivery: InFlight, _ block: Block, _ now: UInt64, _ channel: Channel) -> Bool {
        guard let killSwitch = self.handle.killSwitch else { return false }
        let record = delivery.record
        if record.redelivered, killSwitch.hung.take(Fingerprint(of: record, block)) {
            delivery.isInHand = false
            delivery.verdict = .retry
            delivery.reason = "the handler ran longer than kill_timeout"
            delivery.owner = block.owner
            self.settle(delivery, channel)
            return true
        }
        killSwitch.take(delivery, KillSwitch.Hand(record: record, block: block, beganAt: now))
        return false
    }
}
