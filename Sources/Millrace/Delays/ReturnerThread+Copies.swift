import AMQPClient
import AMQPWire
import Logging
import Synchronization

// What is due, on its way out, and what the broker says to it.
extension ReturnerThread {
    /// Publishes what is due; gives when to look again.
    func publishDue(_ channel: Channel) -> UInt64? {
        let now = self.clock.now
        guard now >= self.outletNotBefore else { return self.outletNotBefore }
        self.lookAfterSilence()
        switch self.renewal.step(sent: self.returns.sentCount, now: now) {
        case .goOn: break
        case .wait(let deadline): return deadline
        case .renew:
            self.outlet?.breaker.endChannel("another one takes its place")  // waits for nothing
            self.outlet = nil
            self.returns.channelReplaced()
        }
        let (steps, wake) = self.returns.advance(now: now)
        if !steps.isEmpty { self.patience.sent(now: MonotonicClock.now()) }
        for (index, step) in steps.enumerated() {
            do throws(AMQPError) {
                try self.publish(step)
            } catch {
                self.returns.unsent(step.token)
                if error.code == .refusedLocally, error.scope == .call {
                    // It does not fit into a frame: the broker moves it home as it is.
                    self.giveToBroker(step.token, "\(error)", channel)
                    continue
                }
                for other in steps[(index + 1)...] { self.returns.unsent(other.token) }
                self.takeAnswers(channel)
                self.outletNotBefore = max(self.outletNotBefore, now &+ 100_000_000)
                self.logger.debug("waiting messages can not go back yet", metadata: ["reason": "\(error)"])
                return self.outletNotBefore
            }
        }
        return wake
    }

    /// A channel that leaves copies without an answer for long is suspected, as one that goes on refusing is.
    ///
    /// By the machine's clock: no jump of the other one makes a broker late.
    private func lookAfterSilence() {
        let (returns, clock, now) = (self.returns, self.clock, MonotonicClock.now())
        guard self.patience.isOver(now: now, oldest: { returns.oldestSent.map(clock.machineTime) }) else { return }
        self.patience.beganAgain(now: now)
        // A broker that has read nothing could not answer.
        guard self.outlet?.wasBlocked(since: &self.blockings) == false else { return }
        self.renewal.suspect(now: self.clock.now)
        self.logger.warning(
            "the broker leaves waiting messages that go back without an answer; they go again on another channel"
        )
    }

    private func publish(_ step: Returns.Step) throws(AMQPError) {
        guard let copy = self.held[step.token] else { return }
        let outlet = try self.openOutlet()
        let queue = self.shared.queues[step.place.home]
        let routingKey: String
        var note: DelayNote?
        switch step.target {
        case .home: routingKey = queue.home
        case .stage(let stage, let wait):
            routingKey = queue.name(stage)
            note = DelayNote(wait: wait, stage: queue.ladder.stages[stage], now: self.clock.milliseconds)
        }
        let properties = copy.properties(note, user: self.seal.user)
        try copy.body.withBytes { (body) throws(AMQPError) in
            _ = try outlet.publish(
                body,
                exchange: "",
                routingKey: routingKey,
                properties: properties,
                mandatory: true,
                token: step.token,
                until: 0
            )
        }
    }

    private func openOutlet() throws(AMQPError) -> Channel {
        if let outlet = self.outlet, outlet.isOpen { return outlet }
        let connection = try self.shared.source.connectionForOutputs()
        try connection.throwIfBlocked()
        let mailbox = Mailbox(waking: self.shared.mailbox, with: Returner.Signal.outlet)
        let outlet = try connection.openChannel(mailbox: mailbox, outwaitsBlocks: false)
        try outlet.selectConfirms()
        self.outlet = outlet
        return outlet
    }

    func takeAnswers(_ channel: Channel) {
        guard let outlet = self.outlet else { return }
        outlet.pump(until: 0)
        for answer in outlet.takeVerdicts() {
            switch answer.verdict {
            case .confirmed: self.leave(answer.token, channel)
            case .returned: self.refused(answer.token, "no queue took it")
            case .refused:
                self.refused(answer.token, "the broker refused it (basic.nack)")
                if self.returns.suspectsChannel(toHomeOf: answer.token) {
                    self.renewal.suspect(now: self.clock.now)
                }
            case .unknown: break  // told by the channel's end
            }
        }
        _ = outlet.takeReturnedMessages()
        if !outlet.isOpen { self.outletEnded(outlet, channel) }
    }

    private func leave(_ token: UInt64, _ channel: Channel) {
        let home = self.returns.home(of: token)
        let wasInTrouble = self.returns.confirmed(token)
        self.patience.worked()
        if let copy = self.held.removeValue(forKey: token) { _ = channel.ack(tag: copy.tag) }
        self.shared.returned.add(1, ordering: .relaxed)
        if wasInTrouble, let home {
            self.logger.info("waiting messages go back again", metadata: ["queue": "\(self.shared.queues[home].home)"])
        }
    }

    private func refused(_ token: UInt64, _ reason: String) {
        let home = self.returns.home(of: token)
        guard self.returns.refused(token, now: self.clock.now) != nil, let home else { return }
        self.logger.warning(
            "a message whose wait is over can not go back to its queue; it waits on, and is tried again and again",
            metadata: ["queue": "\(self.shared.queues[home].home)", "reason": "\(reason)"]
        )
    }

    private func outletEnded(_ outlet: Channel, _ channel: Channel) {
        self.outlet = nil
        let now = self.clock.now
        self.outletNotBefore = now &+ 100_000_000
        let reason = outlet.endReason
        // Whoever was on its way alone did not end it then.
        let isOfBroker =
            reason?.scope == .connection || OutputFault.isOfBroker(reason)
        guard let guilty = self.returns.channelEnded(now: now), !isOfBroker else { return }
        self.giveToBroker(guilty, outlet.endReason.map { "\($0)" } ?? "its channel ended", channel)
    }

    /// What can not be published leaves its queue by the broker's own hand.
    ///
    /// Not before the job's queue is there: what is dead-lettered to nobody is gone.
    private func giveToBroker(_ token: UInt64, _ reason: String, _ channel: Channel) {
        guard let home = self.returns.home(of: token), let copy = self.held[token] else { return }
        let queue = self.shared.queues[home].home
        do throws(AMQPError) {
            guard let connection = self.shared.source.current else { return }
            let aside = try connection.openChannel(mailbox: Mailbox(), outwaitsBlocks: false)
            // The others wait meanwhile.
            aside.requestTimeout = .seconds(1)
            _ = try aside.declareQueue(queue, passive: true)
        } catch {
            self.logger.debug("a waiting message stays where it is", metadata: ["reason": "\(error)"])
            return self.returns.postponed(token, now: self.clock.now)
        }
        self.returns.confirmed(token)
        self.held[token] = nil
        _ = channel.reject(tag: copy.tag, requeue: false)
        self.logger.warning(
            "a waiting message can not be published again; the broker moves it back itself",
            metadata: ["queue": "\(queue)", "reason": "\(reason)"]
        )
    }
}
