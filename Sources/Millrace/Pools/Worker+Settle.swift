import Logging
import AMQPClient
import AMQPWire

extension Worker {
    /// Carries a handler's outcome out: outputs first, the input's settlement after them.
    @inline(__always)
    func settle(_ delivery: InFlight, _ channel: Channel) {
        if delivery.verdict == .ack, delivery.publications.isEmpty {
            self.acknowledge(delivery.record.deliveryTag, channel)
            self.putDown(delivery)
            self.noteFailure(.ack)
            return
        }
        self.settleSlowly(delivery, channel)
        self.putDown(delivery)
    }

    func acknowledge(_ tag: UInt64, _ channel: Channel) {
        if self.handle.job.ack.mode == .none || channel.ack(tag: tag) {
            self.counts.acked += 1
        } else {
            self.counts.droppedAcks += 1
        }
    }

    private func settleSlowly(_ delivery: InFlight, _ channel: Channel) {
        let outputs = delivery.publications
        delivery.publications.removeAll()
        let settlement = Settlement(delivery.verdict, onFailure: self.handle.job.onFailure)
        if settlement != .ack || outputs.isEmpty {
            self.note(delivery, settlement)
            self.send(settlement, delivery.record.deliveryTag, channel)
            if delivery.verdict == .stop { self.stopJob(delivery.reason) }
            if delivery.verdict == .snooze { self.warnOfSnooze() }
            return
        }
        self.publish(outputs, for: delivery, channel)
    }

    func send(_ settlement: Settlement, _ tag: UInt64, _ channel: Channel) {
        // Without acks everything was settled when the broker sent it.
        let isAcked = self.handle.job.ack.mode == .auto
        let wasOutstanding =
            switch settlement {
            case .ack, .discard: !isAcked || channel.ack(tag: tag)
            case .reject: !isAcked || channel.reject(tag: tag, requeue: false)
            case .rejectRequeue: !isAcked || channel.reject(tag: tag, requeue: true)
            case .giveBack: !isAcked || channel.nack(tag: tag, requeue: true)
            }
        if wasOutstanding { self.counts.count(settlement) } else { self.counts.droppedAcks += 1 }
        self.noteFailure(settlement)
    }

    private func note(_ delivery: InFlight, _ settlement: Settlement) {
        guard settlement.isFailure || settlement == .discard else { return }
        let metadata: [String: String] = [
            "delivery": "\(delivery.record.deliveryTag)",
            "attempt": "\(delivery.attempt)",
            "reason": delivery.reason ?? "none given",
            "outcome": "\(settlement)",
        ]
        self.handle.logger.info("a delivery failed", metadata: metadata.mapValues { "\($0)" })
    }

    private func warnOfSnooze() {
        guard !self.hasWarnedOfSnooze else { return }
        self.hasWarnedOfSnooze = true
        self.handle.logger.warning("the handler snoozes; this version puts the message back at once, without the delay")
    }

    private func stopJob(_ reason: String?) {
        self.handle.logger.error("the handler stopped its job", metadata: ["reason": "\(reason ?? "none given")"])
        self.handle.requestStopOfJob(reason ?? "stopped by its handler")
    }
}
