import AMQPClient
import Logging

/// Outputs: published when their handler has succeeded, and answered before their input is acked.
///
/// They travel on a channel of their own, so that what goes wrong with them costs the consumer's channel nothing: when
/// it ends, what was under way goes again, each input alone, and the one that ends it again has failed.
extension Worker {
    /// Takes an input in whose handler has succeeded.
    func publish(_ outputs: [Publication], for delivery: InFlight, _ channel: Channel) {
        let held = HeldDelivery(
            record: delivery.record,
            bytes: delivery.bytes,
            owner: delivery.owner,
            outputs: outputs
        )
        self.outputs.add(held, outputs: outputs.count, now: MonotonicClock.coarseNow())
        if self.outputs.isFull { self.releaseOutputs(channel) }
    }

    /// Publishes what may go now, up to what the broker has room for; in `tx` mode commits it.
    func releaseOutputs(_ channel: Channel) {
        let now = self.outputs.refusedCount > 0 ? MonotonicClock.now() : MonotonicClock.coarseNow()
        guard self.outputs.hasUnsent(now: now) || self.outputs.mustCommit, self.renewOutlet(now, channel),
            let outlet = self.outletOrGiveBack(channel)
        else { return }
        // Inputs of a channel that ended may have left a commit on its way: nothing may follow it (C64).
        guard !outlet.isCommitting else { return }
        let mayWait = self.mayOutputsWait
        while true {
            guard let step = self.outputs.next(now: now, mayWait: mayWait) else { break }
            guard self.publish(step, on: outlet, channel) else { return }
        }
        guard self.outputs.mustCommit else { return }
        do throws(AMQPError) {
            try outlet.startCommit()
            let last = outlet.commitEnd
            self.handle.killSwitch?.note { $0.committing(upTo: last) }
        } catch {
            self.takeFromOutlet(channel)
        }
    }

    /// Whether others may still come to join a group: not when the prefetch is used up, and not in a drain.
    private var mayOutputsWait: Bool {
        let job = self.handle.job
        guard !self.handle.isDraining else { return false }
        return job.ack.mode == .none
            || self.outputs.count + self.running.count + self.parked.count < Int(job.prefetch)
    }

    /// - Returns: Whether there may be a next one: false while there is no room, or no channel.
    private func publish(_ step: OutputQueue<HeldDelivery>.Step, on outlet: Channel, _ channel: Channel) -> Bool {
        let output = step.load.outputs[step.index]
        let policy = self.handle.job.publish
        let sequence: UInt64
        do throws(AMQPError) {
            sequence = try output.body.withBytes { (body) throws(AMQPError) in
                try outlet.publish(
                    body,
                    exchange: output.exchange,
                    routingKey: output.routingKey,
                    properties: output.properties,
                    mandatory: policy.mode != .none && policy.mandatory,
                    token: step.token,
                    until: 0
                )
            }
        } catch {
            switch (error.scope, error.code) {
            case (.call, .timeout): return false  // `writable` comes when there is room
            case (.call, _):
                if let held = self.outputs.remove(step.token) { self.outputFailed(held, "\(error)", channel) }
                return true
            default:
                self.takeFromOutlet(channel)
                return false
            }
        }
        if sequence > 0 {
            let tag = step.load.record.deliveryTag
            self.notePublished(.outputs, sequence, for: tag, .ack, begins: step.begins)
        }
        if self.outputs.sent(step.token), policy.mode == .none, let held = self.outputs.remove(step.token) {
            self.outputsAccepted(held, channel)
        }
        return true
    }

    private func outputsAccepted(_ held: HeldDelivery, _ channel: Channel) {
        self.outletPause.worked()
        self.counts.published += held.outputs.count
        self.acknowledge(held.record.deliveryTag, channel)
        self.noteSettled(held.record.deliveryTag)
        self.noteFailure(.ack)
    }

    // MARK: The channel for outputs

    /// Opens the channel for outputs before there is one: while the broker blocks publishers it could not be opened.
    func openOutletEarly() {
        if self.outlet?.isOpen == true { return }
        guard self.source.publishesSeparately, (try? self.source.awaitPublishing())?.isBlocked == false else { return }
        do throws(AMQPError) {
            _ = try self.openOutlet()
        } catch {
            self.handle.logger.debug("no channel for outputs yet", metadata: ["reason": "\(error)"])
        }
    }

    private func outletOrGiveBack(_ channel: Channel) -> Channel? {
        if let outlet = self.outlet, outlet.isOpen { return outlet }
        self.takeFromOutlet(channel)
        if self.outletPause.mayOpenAt(now: MonotonicClock.now()) != nil { return nil }
        do throws(AMQPError) {
            return try self.openOutlet()
        } catch {
            guard channel.isOpen else { return nil }  // the broker gives the inputs out again
            self.giveBackForOutlet(self.outputs.removeAll(), error, channel)
            return nil
        }
    }

    func openOutlet() throws(AMQPError) -> Channel {
        let connection = try self.connectionForOutputs()
        try Self.throwIfBlocked(connection)
        let mailbox = Mailbox(waking: self.handle.mailbox, with: WorkerHandle.Signal.outlet)
        let outlet = try connection.openChannel(mailbox: mailbox, outwaitsBlocks: false)
        switch self.handle.job.publish.mode {
        case .confirm: try outlet.selectConfirms()
        case .tx: try outlet.selectTrackedTransactions()
        case .none: break
        }
        self.outlet = outlet
        self.handle.killSwitch?.opened(.outputs, outlet)
        return outlet
    }

    /// The connection for what is published: its own, if the file says so.
    func connectionForOutputs() throws(AMQPError) -> Connection {
        try self.source.connectionForOutputs()
    }

    // MARK: Answers

    /// Takes in what the channel for outputs has got, if there is one.
    func takeFromOutlet(_ channel: Channel) {
        guard let outlet = self.outlet else { return }
        outlet.pump(until: 0)
        if outlet.finishCommit() { self.outputs.committed() }
        let answers = outlet.takeVerdicts()
        let now = answers.isEmpty ? 0 : MonotonicClock.now()
        self.noteAnswers(.outputs, answers)
        for answer in answers {
            guard let input = self.outputs.answered(answer.token, answer.verdict, now: now) else { continue }
            if input.isReturned {
                self.outputFailed(input.load, "no queue took an output (312 NO_ROUTE)", channel)
            } else {
                self.outputsAccepted(input.load, channel)
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
        if outlet.isOpen { outlet.sendAcks() } else { self.outletEnded(outlet, channel) }
    }

    private func outletEnded(_ outlet: Channel, _ channel: Channel) {
        self.outlet = nil
        let reason = outlet.endReason
        guard channel.isOpen else { return }  // the inputs went with it
        if case .connection = reason?.scope {
            return self.giveBackForOutlet(self.outputs.removeAll(), reason, channel)
        }
        self.outletPause.ended(now: MonotonicClock.now())
        let isRefusal = OutputFault.isOfBroker(reason)
        let atFault = self.outputs.channelEnded(isRefusal: isRefusal, now: MonotonicClock.now())
        let text = reason.map { "\($0)" } ?? "the channel for outputs ended"
        // What is refused is told of now and then, not for each channel.
        self.handle.logger.log(
            level: isRefusal ? .debug : .warning,
            "the channel for outputs ended; another one is opened",
            metadata: ["reason": "\(text)", "inputs": "\(self.outputs.count + atFault.count)"]
        )
        for held in atFault { self.outputFailed(held, text, channel) }
    }

    /// There is no way to publish at this time: the inputs are not at fault.
    private func giveBackForOutlet(_ inputs: [HeldDelivery], _ reason: AMQPError?, _ channel: Channel) {
        guard !inputs.isEmpty else { return }
        self.giveBack(inputs, reason.map { "\($0)" } ?? "unknown", channel)
        // Slows down, so that a connection that is not there is no hot loop.
        if self.handle.job.ack.mode == .auto { self.noteFailure(.rejectRequeue) }
    }

    /// The inputs go back as they are: without acks as copies that come again.
    func giveBack(_ inputs: [HeldDelivery], _ reason: String, _ channel: Channel) {
        guard self.handle.job.ack.mode == .auto else {
            for held in inputs { self.outputFailed(held, reason, as: .requeue, channel) }
            return
        }
        self.handle.logger.warning(
            "outputs could not be published; their inputs are given back",
            metadata: ["inputs": "\(inputs.count)", "reason": "\(reason)"]
        )
        for held in inputs.reversed() {
            let tag = held.record.deliveryTag
            self.noteSettled(tag)
            if channel.nack(tag: tag, requeue: true) {
                self.counts.count(.giveBack)
            } else {
                self.counts.droppedAcks += 1
            }
        }
    }

    /// An output that can not be delivered is a failure of its input.
    private func outputFailed(
        _ held: HeldDelivery,
        _ reason: String,
        as verdict: HandlerVerdict = .retry,
        _ channel: Channel
    ) {
        self.handle.logger.warning(
            "an input failed because of its output",
            metadata: ["delivery": "\(held.record.deliveryTag)", "reason": "\(reason)"]
        )
        self.noteSettled(held.record.deliveryTag)
        let delivery = self.nextHand()
        delivery.begin(held.record, held.bytes, incarnation: channel.incarnation)
        delivery.owner = held.owner
        delivery.isInHand = false
        delivery.verdict = verdict
        delivery.reason = reason
        self.settle(delivery, channel)
    }
}
