import Logging
import AMQPClient
import AMQPWire

extension Worker {
    /// Carries a handler's outcome out: outputs first, the input's settlement after them.
    @inline(__always)
    func settle(_ delivery: InFlight, _ channel: Channel) {
        if delivery.verdict == .ack, delivery.publications.isEmpty {
            self.acknowledge(delivery.record.deliveryTag, channel)
            self.idle.append(delivery)
            self.noteFailure(.ack)
            return
        }
        self.settleSlowly(delivery, channel)
        self.idle.append(delivery)
    }

    private func acknowledge(_ tag: UInt64, _ channel: Channel) {
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

    /// Publishes an input's outputs; in confirm mode its ack follows the last confirm.
    private func publish(_ outputs: [Publication], for delivery: InFlight, _ channel: Channel) {
        let job = self.handle.job
        let tag = delivery.record.deliveryTag
        let isConfirmed = job.publish.mode == .confirm
        let token = isConfirmed ? self.awaiting.add(deliveryTag: tag, outputs: outputs.count) : 0
        for output in outputs {
            do throws(AMQPError) {
                try output.body.withBytes { (body) throws(AMQPError) in
                    _ = try channel.publish(
                        body,
                        exchange: output.exchange,
                        routingKey: output.routingKey,
                        properties: output.properties,
                        mandatory: isConfirmed && job.publish.mandatory,
                        token: token
                    )
                }
            } catch {
                if isConfirmed { self.awaiting.drop(token) }
                guard channel.isOpen else { return self.counts.droppedAcks += 1 }  // the broker gives the input out again
                return self.outputFailed(tag, "\(error)", channel)
            }
        }
        if isConfirmed { return }
        self.counts.published += outputs.count
        self.acknowledge(tag, channel)
    }

    /// Confirms and refusals that have come: an input whose last output is answered is settled now.
    func takeVerdicts(_ channel: Channel) {
        for answer in channel.takeVerdicts() {
            guard let input = self.awaiting.settled(answer.token, answer.verdict) else { continue }
            if answer.verdict == .unknown {
                self.counts.droppedAcks += 1
            } else if let failure = input.failure {
                self.outputFailed(input.deliveryTag, failure, channel)
            } else {
                self.counts.published += input.outputs
                self.acknowledge(input.deliveryTag, channel)
            }
        }
        for message in channel.takeReturnedMessages() {
            self.handle.logger.error(
                "an output came back: no queue took it",
                metadata: [
                    "exchange": "\(message.exchange)", "routing_key": "\(message.routingKey)",
                    "reason": "\(message.code) \(message.text)",
                ]
            )
        }
    }

    /// An output that can not be delivered is a failure of its input.
    private func outputFailed(_ tag: UInt64, _ reason: String, _ channel: Channel) {
        self.handle.logger.warning(
            "an input failed because of its output",
            metadata: ["delivery": "\(tag)", "reason": "\(reason)"]
        )
        self.send(Settlement(.retry, onFailure: self.handle.job.onFailure), tag, channel)
    }

    private func send(_ settlement: Settlement, _ tag: UInt64, _ channel: Channel) {
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
