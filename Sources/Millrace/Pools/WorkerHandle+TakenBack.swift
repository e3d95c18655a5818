import AMQPClient
import Logging
import Synchronization

/// Deliveries that the broker takes back while a handler is at them: `consumer_timeout`.
extension WorkerHandle {
    /// Without those that were counted when the broker had taken them back.
    func notCounted(_ hands: [KillSwitch.Hand]) -> [KillSwitch.Hand] {
        guard self.hasTimedOut else { return hands }
        return hands.filter { !self.hands.wasClaimed($0.record.deliveryTag) }
    }

    /// The delivery that its handler is at, or the first of them.
    var handAtWork: HandWatch.Hand? {
        let tag = self.oldest.tag
        guard self.beganAt.load(ordering: .acquiring) > 0, tag > 0 else { return nil }
        return self.hands.look(tag)
    }

    func logTakenBack(_ tag: UInt64) {
        self.logger.error(
            "a handler took longer than the broker waits for an ack (consumer_timeout); the message counts as one that hangs",
            metadata: ["queue": "\(self.job.queueNames)", "delivery": .number(tag)]
        )
    }

    /// Deliveries that the broker has taken back while this worker's thread is in a handler; once for each.
    func takenBack() -> [(hand: HandWatch.Hand, circumstance: HungMessages.Circumstance)] {
        guard self.hasTimedOut else { return [] }
        let tag = self.oldest.tag
        guard self.beganAt.load(ordering: .acquiring) > 0, tag > 0 else { return [] }
        let hands = self.hands.claim(tag)
        return hands.map { ($0, hands.count == 1 ? .alone : .inBatch) }
    }
}
