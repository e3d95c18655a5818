import AMQPClient
import AMQPWire
import Logging

/// Messages that a quorum queue has given out so often that it soon drops them: it counts channels and connections that
/// ended, which are no failure of the message, and without a dead-letter target it throws away what passes its limit.
extension Worker {
    /// Takes them out of a batch: a copy counts from the beginning.
    func renewWorn(_ channel: Channel) {
        guard let limit = self.wearLimit, let batch = self.batch, batch.records.contains(where: \.redelivered) else {
            return
        }
        var worn: [ContentRecord] = []
        for record in batch.records
        where record.redelivered && self.deliveryCount(of: record, batch.block) >= limit.count {
            worn.append(record)
        }
        guard !worn.isEmpty else { return }
        self.batch?.records.removeAll { record in worn.contains { $0.deliveryTag == record.deliveryTag } }
        for record in worn { self.renew(record, batch.block, limit, channel) }
    }

    private func deliveryCount(of record: ContentRecord, _ block: Block) -> Int64 {
        let header = block.slice(record.headerOffset, record.headerLength)
        guard header.contains("x-delivery-count") else { return 0 }
        let delivery = Delivery(block: block, record: record, incarnation: 0)
        return (try? delivery.properties)?.headers?["x-delivery-count"]?.intValue ?? 0
    }

    private func renew(_ record: ContentRecord, _ block: Block, _ limit: WearLimit, _ channel: Channel) {
        let delivery = self.nextHand()
        delivery.begin(record, block.bytes, incarnation: channel.incarnation)
        delivery.isInHand = false
        self.counts.received += 1
        if limit.isWanted {
            delivery.verdict = .reject
            delivery.reason = "given out \(limit.count) times, which is the delivery_limit of its queue"
            self.carryOut(.deadLetter(.exhausted), delivery, channel)
        } else {
            self.handle.logger.info(
                "a message that was given out often is put back as a copy, before the broker drops it",
                metadata: ["delivery": "\(record.deliveryTag)", "queue": "\(self.handle.job.queue)"]
            )
            self.carryOut(.snooze(Wait(milliseconds: 1)), delivery, channel)
        }
        self.putDown(delivery)
    }
}
