import AMQPClient
import AMQPWire
import Logging

/// The worker's side of the ledger.
extension Worker {
    /// Whether the handler may get this delivery now; if not, it waits or has been dealt with.
    @inline(__always)
    func mayBegin(
        _ record: ContentRecord,
        _ block: Block,
        _ ledger: LedgerLine,
        _ channel: Channel,
        mayWait: Bool
    ) -> Bool {
        switch ledger.look(at: record, block, mayWait: mayWait) {
        case .begin: return true
        case .wait(let time):
            self.pausedUntil = MonotonicClock.now() &+ time
            return false
        case .condemned(let reason):
            self.nextRecord += 1
            self.setAside(record, block, reason, channel)
            return false
        }
    }

    /// Whether a delivery that is to begin with others is a dead letter instead.
    ///
    /// If not, `LedgerLine.begin` may follow.
    func isSetAside(_ record: ContentRecord, _ block: Block, _ ledger: LedgerLine, _ channel: Channel) -> Bool {
        guard case .condemned(let reason) = ledger.look(at: record, block, mayWait: false) else { return false }
        self.setAside(record, block, reason, channel)
        return true
    }

    @inline(__always)
    func endInLedger(_ delivery: InFlight) {
        if let slot = self.slot { return slot.clear() }
        guard let entry = delivery.ledgerEntry else { return }
        delivery.ledgerEntry = nil
        self.ledger?.end(entry)
    }

    /// A message that crashed the process too often goes to the dead letters without its handler.
    private func setAside(_ record: ContentRecord, _ block: Block, _ reason: String, _ channel: Channel) {
        let delivery = self.nextHand()
        delivery.begin(record, block.bytes, incarnation: channel.incarnation)
        delivery.isInHand = false
        delivery.verdict = .reject
        delivery.reason = reason
        self.counts.received += 1
        self.handle.logger.error(
            "a message that crashed the process is set aside",
            metadata: [
                "delivery": "\(record.deliveryTag)", "message_id": "\(delivery.properties.messageID ?? "none")",
                "reason": "\(reason)",
            ]
        )
        self.carryOut(.deadLetter(.crashed), delivery, channel)
        self.putDown(delivery)
    }
}
