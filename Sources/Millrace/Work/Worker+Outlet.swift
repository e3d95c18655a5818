import AMQPClient
import Logging

/// Outputs, and what becomes of their inputs.
extension Worker {
    static func makeOutlet(_ handle: WorkerHandle, _ source: ConnectionSource) -> Outlet<Channel, HeldDelivery> {
        Outlet(
            handle.job.publish,
            patience: source.answerPatience,
            logger: handle.logger,
            watch: handle.killSwitch?.note
        ) { () throws(AMQPError) in
            let mailbox = Mailbox(waking: handle.mailbox, with: WorkerHandle.Signal.outlet)
            let channel = try source.openForPublishing(mailbox)
            switch handle.job.publish.mode {
            case .confirm: try channel.selectConfirms()
            case .tx: try channel.selectTrackedTransactions()
            case .none: break
            }
            handle.killSwitch?.opened(.outputs, channel)
            return channel
        }
    }

    /// Opens the channel for outputs before there is one: while the broker blocks publishers it could not be opened.
    func openOutletEarly() {
        guard self.source.publishesSeparately, (try? self.source.awaitPublishing())?.isBlocked == false else { return }
        self.outlet.openEarly()
    }

    /// Publishes what may go now.
    func releaseOutputs(_ channel: Channel) {
        // By the clock that wakes it: by a coarse one a time that is over might not be yet, and nothing would come again.
        self.outlet.release(mayWait: self.mayOutputsWait, isServed: channel.isOpen, now: MonotonicClock.now())
        self.settleInputs(channel)
    }

    /// Whether others may still come to join a group: not when the prefetch is used up, and not in a drain.
    private var mayOutputsWait: Bool {
        let job = self.handle.job
        guard !self.handle.isDraining else { return false }
        return job.ack.mode == .none
            || self.outlet.count + self.hands.running.count + self.parking.count < Int(job.prefetch)
    }

    /// Takes in what the channel for outputs has got, and looks after what the broker refuses.
    func takeFromOutlet(_ channel: Channel) {
        self.outlet.takeIn(isServed: channel.isOpen, now: MonotonicClock.now())
        if self.outlet.hasRefusals { self.outlet.lookAfterRefusals(now: MonotonicClock.now()) }
        self.settleInputs(channel)
    }

    private func settleInputs(_ channel: Channel) {
        while let outcome = self.outlet.nextOutcome() {
            switch outcome {
            case .accepted(let input, let outputs):
                self.settler.counts.published += outputs
                self.settler.acknowledge(input.record.deliveryTag, on: channel)
                self.noteSettled(input.record.deliveryTag)
            case .failed(let input, let reason): self.outputFailed(input, reason, as: .retry, channel)
            case .notSent(let inputs, let reason, let slowsDown):
                self.giveBack(inputs, reason, channel)
                if slowsDown, self.handle.job.ack.mode == .auto { self.settler.wentBack(now: MonotonicClock.now()) }
                self.takePauses()
            }
        }
    }

    /// The inputs go back as they are: without acks as copies that come again.
    private func giveBack(_ inputs: [HeldDelivery], _ reason: String, _ channel: Channel) {
        guard self.handle.job.ack.mode == .auto else {
            for input in inputs { self.outputFailed(input, reason, as: .requeue, channel) }
            return
        }
        self.handle.logger.warning(
            "outputs could not be published; their inputs are given back",
            metadata: ["inputs": .number(inputs.count), "reason": "\(reason)"]
        )
        for input in inputs { self.noteSettled(input.record.deliveryTag) }
        self.settler.giveBack(inputs.map(\.record.deliveryTag), on: channel)
    }

    /// An output that can not be delivered is a failure of its input.
    private func outputFailed(_ input: HeldDelivery, _ reason: String, as verdict: HandlerVerdict, _ channel: Channel) {
        let tag = input.record.deliveryTag
        self.handle.logger.warning(
            "an input failed because of its output",
            metadata: ["delivery": .number(tag), "reason": "\(reason)"]
        )
        self.noteSettled(tag)
        if verdict == .retry { self.report(input, .outputFailed(reason)) }
        let attempt = input.attempt(at: self.queue(of: input), self.hands.seal)
        self.settle(
            Settling(verdict: verdict, reason: reason, attempt: attempt, shownAttempt: attempt),
            of: input,
            on: channel
        )
    }
}
