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
        if self.handle.job.ack.mode == .auto, !channel.canSettle {
            // The broker gives the message out again: a copy, or outputs, on another channel would be one too many.
            self.counts.droppedAcks += 1
            if delivery.verdict == .stop { self.stopJob(delivery.reason) }
            return
        }
        if delivery.verdict == .ack { return self.publish(outputs, for: delivery, channel) }
        let job = self.handle.job
        let disposition = Disposition(
            delivery.verdict,
            delay: delivery.delay,
            attempt: delivery.countedAttempt,
            onFailure: job.onFailure,
            retry: job.retry,
            random: Double.random(in: 0..<1)
        )
        self.note(delivery, disposition)
        self.carryOut(disposition, delivery, channel)
        if delivery.verdict == .stop { self.stopJob(delivery.reason) }
    }

    func carryOut(_ disposition: Disposition, _ delivery: InFlight, _ channel: Channel) {
        switch disposition {
        case .settle(let settlement): self.send(settlement, delivery.record.deliveryTag, channel)
        case .retry, .deadLetter, .snooze: self.park(delivery, disposition, channel)
        }
    }

    func send(_ settlement: Settlement, _ tag: UInt64, _ channel: Channel) {
        // Without acks everything was settled when the broker sent it.
        let isAcked = self.handle.job.ack.mode == .auto
        let wasOutstanding =
            switch settlement {
            case .ack, .discard, .retried, .deadLettered, .snoozed: !isAcked || channel.ack(tag: tag)
            case .reject: !isAcked || channel.reject(tag: tag, requeue: false)
            case .rejectRequeue: !isAcked || channel.reject(tag: tag, requeue: true)
            case .giveBack: !isAcked || channel.nack(tag: tag, requeue: true)
            }
        if wasOutstanding { self.counts.count(settlement) } else { self.counts.droppedAcks += 1 }
        self.noteFailure(settlement)
    }

    private func note(_ delivery: InFlight, _ disposition: Disposition) {
        let outcome: String
        switch disposition {
        case .settle(let settlement):
            guard settlement.isFailure || settlement == .discard else { return }
            outcome = "\(settlement)"
        case .retry(let step, let attempt): outcome = "attempt \(attempt) in \(step.milliseconds) ms"
        case .deadLetter(let reason): outcome = "dead letter: \(reason.rawValue)"
        case .snooze: return
        }
        self.handle.logger.info(
            "a delivery failed",
            metadata: [
                "delivery": "\(delivery.record.deliveryTag)",
                "attempt": "\(delivery.attempt)",
                "reason": "\(delivery.reason ?? "none given")",
                "outcome": "\(outcome)",
            ]
        )
    }

    private func stopJob(_ reason: String?) {
        self.handle.logger.error("the handler stopped its job", metadata: ["reason": "\(reason ?? "none given")"])
        self.handle.requestStopOfJob(reason ?? "stopped by its handler")
    }
}
