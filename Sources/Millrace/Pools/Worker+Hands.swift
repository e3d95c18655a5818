import AMQPClient
import AMQPWire
import Logging
import Synchronization

/// The deliveries that handlers have in hand.
extension Worker {
    /// A sync handler has one delivery in hand at a time, always in the same object.
    @inline(__always)
    func nextHand() -> InFlight {
        if let hand = self.hand {
            self.hand = nil
            return hand
        }
        return self.spareHands.popLast() ?? InFlight(worker: self)
    }

    @inline(__always)
    func putDown(_ delivery: InFlight) {
        if delivery.owner != nil { delivery.owner = nil }
        if self.hand == nil { self.hand = delivery } else { self.spareHands.append(delivery) }
    }

    /// A sync handler, or one that takes batches, has to say what becomes of a delivery before it returns.
    func completeIfForgotten(_ delivery: InFlight) {
        guard delivery.isInHand else { return }
        self.handle.logger.error("a handler returned without an outcome; the delivery counts as failed")
        delivery.isInHand = false
        delivery.verdict = .retry
        delivery.reason = "the handler returned without an outcome"
    }

    /// Runs what the handlers' task executor has queued, and settles what that completed.
    func runCalls(_ channel: Channel?) {
        let calls = self.channel?.takeCalls() ?? []
        for call in calls { call.function(call.argument) }
        self.settleCompleted(channel)
    }

    func settleCompleted(_ channel: Channel?) {
        let oldest = self.running.first
        var index = 0
        while index < self.running.count {
            guard !self.running[index].isInHand else {
                index += 1
                continue
            }
            let delivery = self.running.remove(at: index)
            self.putDownHand(delivery, nil)
            self.endInLedger(delivery)
            if let channel, delivery.incarnation == channel.incarnation {
                if self.isToBlame(delivery, oldest, channel) {
                    self.putDown(delivery)
                    continue
                }
                self.settle(delivery, channel)
            } else {
                self.channelIsGone(for: delivery)
                delivery.publications.removeAll()
                self.putDown(delivery)
            }
        }
        guard self.running.first !== oldest else { return }
        self.handle.beganAt.store(self.running.first?.beganAt ?? 0, ordering: .relaxed)
        guard let next = self.running.first else { return }
        self.handle.oldest.set(next.record.deliveryTag, isReported: next.hasOverrun)
    }

    /// With acks its broker gives it out again; without them it is done, or lost.
    private func channelIsGone(for delivery: InFlight) {
        switch (self.handle.job.ack.mode, delivery.verdict) {
        case (.auto, _): self.counts.droppedAcks += 1
        case (.none, .ack) where delivery.publications.isEmpty: self.counts.acked += 1
        case (.none, .discard): self.counts.discarded += 1
        case (.none, _):
            self.counts.lost += 1
            self.handle.logger.error("a message without acks is lost: its channel ended before its handler")
        }
    }

    func passCancellationOn() {
        guard let cancel = self.functions.cancel else { return }
        for delivery in self.running where delivery.isInHand && !delivery.wasCancelled {
            delivery.wasCancelled = true
            delivery.isCutShort = true
            self.handle.logger.warning(
                "a handler is asked to end early: the worker is told to stop",
                metadata: [
                    "delivery": "\(delivery.record.deliveryTag)",
                    "message_id": "\(delivery.properties.messageID ?? "none")",
                ]
            )
            cancel(self.instance, delivery.pointer)
        }
    }

    /// A handler whose job's timeout has passed is reported, and asked to end; what it throws then is a failure like any
    /// other.
    func cancelOverdue() {
        guard let timeout = self.timeout, !self.running.isEmpty else { return }
        let now = MonotonicClock.now()
        for delivery in self.running where delivery.isInHand && !delivery.wasCancelled {
            guard now > delivery.beganAt &+ timeout else { continue }
            delivery.wasCancelled = true
            self.reportOverrun(of: delivery, now)
            self.functions.cancel?(self.instance, delivery.pointer)
        }
    }

    /// Once for each delivery: the supervisor may have reported the oldest while this thread was blocked.
    private func reportOverrun(of delivery: InFlight, _ now: UInt64) {
        let tag = delivery.record.deliveryTag
        if delivery === self.running.first, !self.handle.oldest.claim(tag) { return }
        self.counts.overruns += 1
        self.handle.logOverrun(tag, ranFor: now &- delivery.beganAt, messageID: delivery.properties.messageID)
    }
}
