import AMQPClient
import Logging
import Synchronization

/// Deliveries that the broker takes back while handlers are at them: `consumer_timeout`.
///
/// It counts nothing then, and gives the message out again, as often as that takes. So it is counted here: as an attempt
/// on which the handler hung.
extension Worker {
    /// A handler has returned, too late.
    ///
    /// - Parameters:
    ///   - delivery: That it had.
    ///   - block: Where its octets are.
    ///   - alone: Whether it had no other.
    ///   - channel: Which the delivery came on.
    func noteTakenBack(_ delivery: InFlight, _ block: Block, alone: Bool, _ channel: Channel) {
        self.counts.droppedAcks += 1
        delivery.publications.removeAll()
        // Somebody who got it meanwhile may have counted it.
        if self.handle.hands.claimOne(delivery.record.deliveryTag) {
            self.handle.hung.note(delivery.record, block, alone ? .alone : .inBatch)
        }
        self.handle.logTakenBack(delivery.record.deliveryTag)
        if delivery.verdict == .stop { self.stopJob(delivery.reason) }
    }

    /// The channel ended that way while async handlers are at work: the one that began first is to blame.
    func noteTakenBackFromTasks() {
        let incarnation = self.channel?.incarnation
        guard self.entry.isAsync,
            let oldest = self.running.first(where: { $0.isInHand && $0.incarnation == incarnation }),
            let owner = oldest.owner
        else { return }
        let block = Block(bytes: oldest.bytes, owner: owner)
        self.handle.hung.note(oldest.record, block, .alone)
        self.handle.logTakenBack(oldest.record.deliveryTag)
    }

    /// Whether the broker has taken back what this channel's consumer had.
    ///
    /// What told of it may still be on its way to this thread: it waits for that.
    func isTakenBack(_ channel: Channel) -> Bool {
        guard channel.hasTimedOut else { return false }
        if channel.isOpen, !channel.hasCancelledConsumers {
            channel.pump(until: MonotonicClock.deadline(in: .seconds(1)))
        }
        return !channel.isOpen || channel.hasCancelledConsumers
    }
}

extension WorkerHandle {
    /// Without those that were counted when the broker had taken them back.
    func notCounted(_ hands: [KillSwitch.Hand]) -> [KillSwitch.Hand] {
        guard self.hasTimedOut else { return hands }
        return hands.filter { !self.hands.wasClaimed($0.record.deliveryTag) }
    }

    func logTakenBack(_ tag: UInt64) {
        self.logger.error(
            "a handler took longer than the broker waits for an ack (consumer_timeout); the message counts as one that hangs",
            metadata: ["queue": "\(self.job.queue)", "delivery": "\(tag)"]
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
