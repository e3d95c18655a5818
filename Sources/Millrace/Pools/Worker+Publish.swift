import AMQPClient
import Logging

extension Worker {
    /// Publishes an input's outputs; in confirm mode its ack follows the last confirm.
    func publish(_ outputs: [Publication], for delivery: InFlight, _ channel: Channel) {
        let job = self.handle.job
        let tag = delivery.record.deliveryTag
        let isConfirmed = job.publish.mode == .confirm
        let held = HeldDelivery(record: delivery.record, bytes: delivery.bytes, owner: delivery.owner)
        let token = isConfirmed ? self.awaiting.add(held, outputs: outputs.count) : 0
        do throws(AMQPError) {
            let outlet = try self.outlet(channel)
            for output in outputs {
                try output.body.withBytes { (body) throws(AMQPError) in
                    _ = try outlet.publish(
                        body,
                        exchange: output.exchange,
                        routingKey: output.routingKey,
                        properties: output.properties,
                        mandatory: isConfirmed && job.publish.mandatory,
                        token: token
                    )
                }
            }
        } catch {
            if isConfirmed { self.awaiting.drop(token) }
            guard channel.isOpen else { return self.counts.droppedAcks += 1 }  // the broker gives the input out again
            if error.scope != .call { return self.giveBackForOutlet([tag], error, channel) }
            return self.outputFailed(held, "\(error)", channel)
        }
        if isConfirmed { return }
        self.counts.published += outputs.count
        self.acknowledge(tag, channel)
    }

    /// Opens the channel for outputs before there is one: while the broker blocks publishers it could not be opened.
    func openOutletEarly(_ channel: Channel) {
        guard self.source.publishesSeparately, (try? self.source.awaitPublishing())?.isBlocked == false else { return }
        do throws(AMQPError) {
            _ = try self.outlet(channel)
        } catch {
            self.handle.logger.debug("no channel for outputs yet", metadata: ["reason": "\(error)"])
        }
    }

    /// The channel that outputs go out on: the worker's own, or one on the connection for publishing.
    private func outlet(_ channel: Channel) throws(AMQPError) -> Channel {
        guard self.source.publishesSeparately else { return channel }
        if let publisher = self.publisher, publisher.isOpen { return publisher }
        self.takeFromPublisher(channel)
        let connection = try self.source.awaitPublishing()
        try Self.throwIfBlocked(connection)
        let mailbox = Mailbox(waking: self.handle.mailbox, with: WorkerHandle.Signal.publisher)
        let publisher = try connection.openChannel(mailbox: mailbox, outwaitsBlocks: false)
        if self.handle.job.publish.mode == .confirm { try publisher.selectConfirms() }
        self.publisher = publisher
        return publisher
    }

    /// Takes in what the separate channel for outputs has got, if there is one.
    func takeFromPublisher(_ channel: Channel) {
        guard let publisher = self.publisher else { return }
        publisher.pump(until: 0)
        self.takeVerdicts(of: publisher, channel)
        if !publisher.isOpen { self.publisher = nil }
    }

    /// Confirms and refusals that have come: an input whose last output is answered is settled now.
    func takeVerdicts(of outlet: Channel, _ channel: Channel) {
        var unknown: [UInt64] = []
        for answer in outlet.takeVerdicts() {
            guard let input = self.awaiting.settled(answer.token, answer.verdict) else { continue }
            if input.isUnknown {
                unknown.append(input.deliveryTag)
            } else if let failure = input.failure {
                self.outputFailed(input.delivery, failure, channel)
            } else {
                self.counts.published += input.outputs
                self.acknowledge(input.deliveryTag, channel)
            }
        }
        for message in outlet.takeReturnedMessages() {
            self.handle.logger.error(
                "an output came back: no queue took it",
                metadata: [
                    "exchange": "\(message.exchange)", "routing_key": "\(message.routingKey)",
                    "reason": "\(message.code) \(message.text)",
                ]
            )
        }
        guard !unknown.isEmpty else { return }
        if outlet === channel {
            self.counts.droppedAcks += unknown.count  // the inputs went with it
        } else {
            self.giveBackForOutlet(unknown, outlet.endReason, channel)
        }
    }

    /// The channel for outputs ended, the one that consumes goes on: its inputs are not at fault.
    private func giveBackForOutlet(_ tags: [UInt64], _ reason: AMQPError?, _ channel: Channel) {
        self.handle.logger.warning(
            "outputs could not be confirmed; their inputs are given back",
            metadata: ["inputs": "\(tags.count)", "reason": "\(reason.map { "\($0)" } ?? "unknown")"]
        )
        for tag in tags {
            let isOutstanding = self.handle.job.ack.mode == .none || channel.nack(tag: tag, requeue: true)
            if isOutstanding { self.counts.count(.giveBack) } else { self.counts.droppedAcks += 1 }
        }
        self.noteFailure(.rejectRequeue)  // slows down, so that a channel that dies at each output is no hot loop
    }

    /// An output that can not be delivered is a failure of its input.
    private func outputFailed(_ held: HeldDelivery, _ reason: String, _ channel: Channel) {
        self.handle.logger.warning(
            "an input failed because of its output",
            metadata: ["delivery": "\(held.record.deliveryTag)", "reason": "\(reason)"]
        )
        let delivery = self.nextHand()
        delivery.begin(held.record, held.bytes, incarnation: channel.incarnation)
        delivery.owner = held.owner
        delivery.isInHand = false
        delivery.verdict = .retry
        delivery.reason = reason
        self.settle(delivery, channel)
    }
}
