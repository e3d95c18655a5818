import AMQPClient
import AMQPWire
import Logging

/// Messages that a quorum queue has given out so often that it soon drops them: it counts channels and connections that
/// ended, which are no failure of the message, and without a dead-letter target it throws away what passes its limit.
extension Worker {
    /// Takes them out of a batch: a copy counts from the beginning.
    func renewWorn(_ block: Block, _ channel: Channel) {
        guard !self.wearLimits.isEmpty else { return }
        let worn = self.intake.remove { record in
            guard record.redelivered, let limit = self.wearLimit(of: record, block) else { return false }
            return Self.deliveryCount(of: record, block) >= limit.count
        }
        for record in worn {
            if let limit = self.wearLimit(of: record, block) { self.renew(record, block, limit, channel) }
        }
    }

    private func wearLimit(of record: ContentRecord, _ block: Block) -> WearLimit? {
        self.wearLimits[self.queue(of: HeldDelivery(record: record, bytes: block.bytes, owner: nil))]
    }

    private static func deliveryCount(of record: ContentRecord, _ block: Block) -> Int64 {
        let header = block.slice(record.headerOffset, record.headerLength)
        guard header.contains("x-delivery-count") else { return 0 }
        let delivery = Delivery(block: block, record: record)
        return (try? delivery.properties)?.headers?["x-delivery-count"]?.intValue ?? 0
    }

    private func renew(_ record: ContentRecord, _ block: Block, _ limit: WearLimit, _ channel: Channel) {
        let held = HeldDelivery(record: record, bytes: block.bytes, owner: block.owner)
        self.handle.received.add()
        if limit.isWanted {
            let settling = Settling(
                verdict: .reject,
                reason: "given out \(Plural.of(limit.count, "time")), which is the delivery_limit of its queue",
                attempt: held.attempt(at: self.queue(of: held), self.hands.seal),
                death: .exhausted
            )
            self.carryOut(settling, of: held, on: channel)
        } else {
            self.handle.logger.info(
                "a message that was given out often is put back as a copy, before the broker drops it",
                metadata: ["delivery": .number(record.deliveryTag), "queue": "\(self.queue(of: held))"]
            )
            self.carryOut(Settling(verdict: .snooze, delay: 1_000_000), of: held, on: channel)
        }
    }
}
