import AMQPClient
import AMQPWire
import Logging
import Synchronization

/// Deliveries that tasks have in hand, side by side.
extension Hands {
    /// Takes out what tasks have ended, in the order in which they began.
    ///
    /// - Parameter line: The channel of the moment, if there is one.
    /// - Returns: `ended`, `takenBack` or `gone` for each.
    func takeEnded(on line: (some HandsLine)?) -> [Begun] {
        guard self.running.contains(where: { !$0.isInHand }) else { return [] }
        let oldest = self.running.first
        let ended = self.running.filter { !$0.isInHand }
        self.running.removeAll { !$0.isInHand }
        self.takeTimes(ended)
        let begun = ended.map { delivery in
            self.putDown(delivery, nil)
            guard let line, delivery.incarnation == line.incarnation else { return Begun.gone(delivery) }
            return self.isToBlame(delivery, oldest, line) ? .takenBack(delivery) : .ended(delivery)
        }
        guard self.running.first !== oldest else { return begun }
        self.handle.beganAt.store(self.running.first?.beganAt ?? 0, ordering: .relaxed)
        if let next = self.running.first {
            self.handle.oldest.set(next.record.deliveryTag, isReported: next.hasOverrun)
        }
        return begun
    }

    /// Asks all tasks to end early: the worker is told to stop.
    func passCancellationOn() {
        guard let cancel = self.functions.cancel else { return }
        for delivery in self.running where delivery.isInHand && !delivery.wasCancelled {
            delivery.wasCancelled = true
            delivery.isCutShort = true
            self.handle.logger.warning(
                "a handler is asked to end early: the worker is told to stop",
                metadata: [
                    "delivery": .number(delivery.record.deliveryTag),
                    "message_id": "\(delivery.properties.messageID ?? "none")",
                ]
            )
            self.cancel(delivery, cancel)
        }
    }

    /// A handler whose job's timeout has passed is reported, and asked to end; what it throws then is a failure like any
    /// other.
    func cancelOverdue(now: @autoclosure () -> UInt64) {
        guard let timeout = self.timeout, !self.running.isEmpty else { return }
        let now = now()
        for delivery in self.running where delivery.isInHand && !delivery.wasCancelled {
            guard now > delivery.beganAt &+ timeout else { continue }
            delivery.wasCancelled = true
            self.reportOverrun(of: delivery, now)
            if let cancel = self.functions.cancel { self.cancel(delivery, cancel) }
        }
    }

    /// Once for each delivery: the supervisor may have reported the oldest while this thread was blocked.
    private func reportOverrun(of delivery: InFlight, _ now: UInt64) {
        let tag = delivery.record.deliveryTag
        if delivery === self.running.first, !self.handle.oldest.claim(tag) { return }
        self.overruns += 1
        self.handle.logOverrun(tag, ranFor: now &- delivery.beganAt, messageID: delivery.properties.messageID)
    }

    /// When the first task has to be asked to end.
    var nextOverdue: UInt64? {
        guard let timeout = self.timeout, self.isAsync else { return nil }
        return self.running.lazy.filter { !$0.wasCancelled }.map { $0.beganAt &+ timeout }.min()
    }

    /// The task that began first.
    var oldestTask: HandWatch.Hand? {
        guard let oldest = self.running.first, let block = oldest.block else { return nil }
        return HandWatch.Hand(record: oldest.record, block: block)
    }
}
