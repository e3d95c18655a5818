import AMQPClient
import Logging

/// How deliveries end: what ``Settler``, ``Outlet`` and ``Parking`` decide is carried out.
extension Worker {
    /// Carries a handler's outcome out: outputs first, the input's settlement after them.
    @inline(__always)
    func settle(_ delivery: InFlight, _ channel: Channel) {
        if self.hooks.observe != nil { self.reportEnd(of: delivery) }
        if case .ack = delivery.verdict, delivery.publications.isEmpty {
            self.settler.acknowledge(delivery.record.deliveryTag, on: channel)
        } else {
            self.settleSlowly(delivery, channel)
        }
        if self.handle.isOnTrial, delivery.verdict != .retry, delivery.verdict != .alone {
            self.handle.hold.succeeded(epoch: self.handle.epoch)
        }
        self.hands.free(delivery)
    }

    private func settleSlowly(_ delivery: InFlight, _ channel: Channel) {
        let outputs = delivery.publications
        delivery.publications.removeAll()
        var settling = delivery.verdict == .ack ? Settling(verdict: .ack) : delivery.settling
        settling.hasOutputs = !outputs.isEmpty
        self.settle(settling, of: delivery.held, outputs: outputs, on: channel)
    }

    /// Settles what a handler, or an output, has decided.
    func settle(_ settling: Settling, of held: HeldDelivery, outputs: [Publication] = [], on channel: Channel) {
        var settling = settling
        if self.hands.isAcked {
            // The broker may have ended the consumer by now.
            if settling.verdict != .ack { channel.pump(until: 0) }
            settling.isTakenBack = self.hasLostConsumer(of: held, channel)
        }
        self.carryOut(settling, of: held, outputs: outputs, on: channel)
    }

    func carryOut(_ settling: Settling, of held: HeldDelivery, outputs: [Publication] = [], on channel: Channel) {
        // Before its message is back, for others to begin.
        if settling.isFailureOfJob {
            self.handle.hold.failed(settling.reason ?? "none given", epoch: self.handle.epoch)
        }
        let decision = self.settler.decide(
            settling,
            from: self.queue(of: held),
            random: ProcessRandom.share(),
            now: MonotonicClock.now(),
            clock: WallClock.seconds()
        )
        self.report(held, settling, decision.step)
        if let line = decision.line { self.say(line, held.record.deliveryTag) }
        // Before its message is back, for others to begin.
        if let reason = decision.stopsJob { self.stopJob(reason) }
        switch decision.step {
        case .settle(let settlement): self.send(settlement, held.record.deliveryTag, channel)
        case .drop:
            self.settler.counts.droppedAcks += 1
            self.letGo(held, channel)
        case .publish:
            self.outlet.add(self.topology.onBroker(outputs), of: held, now: MonotonicClock.now())
            if self.outlet.isFull { self.releaseOutputs(channel) }
        case .copy(let order):
            self.parking.park(
                held.original(self.hands.seal, from: self.queue(of: held)),
                order,
                seal: self.hands.seal,
                isServed: self.isServed(channel),
                now: MonotonicClock.now()
            )
            self.settleOriginals(channel)
        }
    }

    /// Whether inputs can still be settled: without acks they are settled already.
    func isServed(_ channel: Channel) -> Bool { channel.isOpen || self.handle.job.ack.mode == .none }

    func send(_ settlement: Settlement, _ tag: UInt64, _ channel: Channel, isRefusedCopy: Bool = false) {
        self.settler.send(settlement, tag, on: channel, isRefusedCopy: isRefusedCopy, now: MonotonicClock.now())
        self.takePauses()
    }

    /// Nothing begins for as long as anybody says so.
    func takePauses() {
        self.intake.pause(until: max(self.settler.takePause(), self.parking.takePause()))
    }

    private func say(_ line: FailureLine, _ tag: UInt64) {
        self.handle.logger.log(
            level: line.isFinal ? .warning : .info,
            "a delivery failed",
            metadata: [
                "delivery": .number(tag), "attempt": .number(line.attempt),
                "reason": "\(line.reason)", "outcome": "\(line.outcome)",
            ]
        )
    }

    /// Says how many failed without a line of their own.
    func say(_ sum: FailureReport.Sum) {
        self.handle.logger.log(
            level: sum.final > 0 ? .warning : .info,
            "more deliveries failed than are shown one by one",
            metadata: ["come_again": .number(sum.again), "final": .number(sum.final)]
        )
    }

    func stopJob(_ reason: String) {
        self.handle.logger.error("the handler stopped its job", metadata: ["reason": "\(reason)"])
        self.handle.requestStopOfJob(reason)
    }
}
