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
        guard self.entry.isAsync, let incarnation = self.channel?.incarnation, self.blamedChannel != incarnation,
            let oldest = self.running.first(where: { $0.isInHand && $0.incarnation == incarnation }),
            let owner = oldest.owner
        else { return }
        self.blamedChannel = incarnation
        // Somebody who got it meanwhile may have counted it.
        guard self.handle.hands.claimOne(oldest.record.deliveryTag) else { return }
        self.handle.hung.note(oldest.record, Block(bytes: oldest.bytes, owner: owner), .alone)
        self.handle.logTakenBack(oldest.record.deliveryTag)
    }

    /// Whether a task has ended too late and is to blame: it began first of those in hand.
    func isToBlame(_ delivery: InFlight, _ oldest: InFlight?, _ channel: Channel) -> Bool {
        guard delivery === oldest, channel.hasTimedOut, self.blamedChannel != channel.incarnation,
            self.handle.job.ack.mode == .auto, let owner = delivery.owner
        else { return false }
        self.blamedChannel = channel.incarnation
        self.noteTakenBack(delivery, Block(bytes: delivery.bytes, owner: owner), alone: true, channel)
        return true
    }

    /// The broker may have given a message to this worker before what it says to the one that has it in hand has been read:
    /// that is waited for, a moment.
    ///
    /// - Returns: Whether another worker has it in hand, and its broker has taken it back.
    func awaitWhoHas(_ record: ContentRecord, _ block: Block) -> Bool {
        guard let channel = self.channel, let other = self.handle.hung.holder(of: record, block, besides: self.handle)
        else { return false }
        let deadline = MonotonicClock.now() &+ 200_000_000
        while !other.hasTimedOut, channel.isOpen, MonotonicClock.now() < deadline {
            channel.pump(until: MonotonicClock.now() &+ 5_000_000)
        }
        return other.hasTimedOut
    }

    /// The task in hand that began first.
    var oldestTask: HandWatch.Hand? {
        guard let oldest = self.running.first, let owner = oldest.owner else { return nil }
        return HandWatch.Hand(record: oldest.record, block: Block(bytes: oldest.bytes, owner: owner))
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

    /// The delivery that its handler is at, or the first of them.
    var handAtWork: HandWatch.Hand? {
        let tag = self.oldest.tag
        guard self.beganAt.load(ordering: .acquiring) > 0, tag > 0 else { return nil }
        return self.hands.look(tag)
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
