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
        let isAcked = self.handle.job.ack.mode == .auto
        // The broker may have ended the consumer by now.
        if isAcked, delivery.verdict != .ack { channel.pump(until: 0) }
        if isAcked, channel.watch.hasLostConsumer {
            // The broker gives the message out again: a copy, or outputs, on another channel would be one too many.
            self.counts.droppedAcks += 1
            if delivery.verdict == .stop { self.stopJob(delivery.reason) }
            return
        }
        if delivery.verdict == .ack { return self.publish(outputs, for: delivery, channel) }
        let job = self.handle.job
        let hasFailed = delivery.verdict == .retry || delivery.verdict == .alone
        let disposition = Disposition(
            // A handler that the drain has cut short says nothing about the message.
            delivery.isCutShort && hasFailed ? .requeue : delivery.verdict,
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
        guard case .settle(let settlement) = disposition else { return self.park(delivery, disposition, channel) }
        guard self.handle.job.ack.mode == .none, let wait = Self.wayBack(settlement) else {
            return self.send(settlement, delivery.record.deliveryTag, channel)
        }
        self.park(delivery, .snooze(wait), channel)
    }

    /// Without acks the broker takes nothing back: a copy comes again, after a failure not at once.
    private static func wayBack(_ settlement: Settlement) -> Wait? {
        switch settlement {
        case .giveBack: Wait(milliseconds: 1)
        case .rejectRequeue: Wait(milliseconds: 1000)
        case .ack, .discard, .reject, .retried, .deadLettered, .snoozed: nil
        }
    }

    /// With `slowsDown` it is a copy that was not taken, whatever the settlement is for the broker.
    func send(_ settlement: Settlement, _ tag: UInt64, _ channel: Channel, slowsDown: Bool = false) {
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
        if slowsDown { self.noteRefusedCopy() } else { self.noteFailure(settlement) }
    }

    private func note(_ delivery: InFlight, _ disposition: Disposition) {
        let outcome: String
        switch disposition {
        case .settle(let settlement):
            guard settlement.isFailure || settlement == .discard else { return }
            outcome = "\(settlement)"
        case .retry(let wait, let attempt): outcome = "attempt \(attempt) in \(wait.milliseconds) ms"
        case .deadLetter(let reason): outcome = "dead letter: \(reason.rawValue)"
        case .snooze: return
        }
        self.handle.logger.info(
            "a delivery failed",
            metadata: [
                "delivery": "\(delivery.record.deliveryTag)",
                "attempt": "\(delivery.attempt)",
                "reason": "\(Self.cut(delivery.reason))",
                "outcome": "\(outcome)",
            ]
        )
    }

    func stopJob(_ reason: String?) {
        self.handle.logger.error("the handler stopped its job", metadata: ["reason": "\(Self.cut(reason))"])
        self.handle.requestStopOfJob(reason.map { Self.cut($0) } ?? "stopped by its handler")
    }

    /// Handlers give reasons of any length; a line of the log has one.
    private static func cut(_ reason: String?) -> String {
        FailureNote.cut(reason ?? "none given", to: FailureNote.errorBudget)
    }
}
