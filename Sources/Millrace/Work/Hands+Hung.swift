import AMQPClient
import AMQPWire
import Logging
import Synchronization

/// Messages on which handlers hang: `kill_timeout`, and the broker's `consumer_timeout`.
///
/// The attempt that hung could not be counted then: its channel belonged to the thread that was stuck, or was gone. So it is
/// counted when the message comes again, by the copy that every failure makes, and no handler sees it before.
extension Hands {
    /// How a handler has hung on a message before; asking forgets it.
    ///
    /// A message that has hung too often is alone to blame, whether it or a copy of it was in hand: both may be about.
    func circumstance(
        of delivery: InFlight,
        _ block: Block,
        _ line: some HandsLine
    ) -> HungMessages.Circumstance? {
        let hung = self.handle.hung
        let record = delivery.record
        if record.redelivered {
            hung.noteTakenBack()
            if let circumstance = hung.take(record, block) { return circumstance }
            if self.awaitWhoHas(record, block, line) {
                hung.noteTakenBack()
                if let circumstance = hung.take(record, block) { return circumstance }
            }
        }
        guard hung.isSpent(record, block) else { return nil }
        if record.redelivered || delivery.isCopy { return self.countsHangs ? .alone : nil }
        hung.forget(record, block)  // published anew
        return nil
    }

    /// The broker may have given a message to this worker before what it says to the one that has it in hand has been read:
    /// that is waited for, a moment.
    ///
    /// - Returns: Whether another worker has it in hand, and its broker has taken it back.
    private func awaitWhoHas(_ record: ContentRecord, _ block: Block, _ line: some HandsLine) -> Bool {
        guard let other = self.handle.hung.holder(of: record, block, besides: self.handle) else { return false }
        let deadline = MonotonicClock.now() &+ 200_000_000
        while !other.hasTimedOut, line.isOpen, MonotonicClock.now() < deadline {
            line.pump(until: MonotonicClock.now() &+ 5_000_000)
        }
        return other.hasTimedOut
    }

    /// Whether a failure of this job comes again, and may hang again.
    private var countsHangs: Bool {
        switch self.handle.job.onFailure {
        case .retry, .requeue: true
        case .reject, .discard: false
        }
    }

    /// What is to become of a message on which a handler has hung: it failed, and after the second time it is set aside.
    ///
    /// Each hang may cost a thread for good: with many attempts one message would use up all that the job may lose. A
    /// handler that only takes too long ends at `timeout`, and has all its attempts. The header of a copy counts where this
    /// process knows nothing.
    func settlingOfHung(_ delivery: InFlight, _ block: Block) -> Settling {
        delivery.isInHand = false
        delivery.verdict = .retry
        delivery.reason = self.handle.killSwitch == nil ? Self.takenBack : Self.hung
        delivery.owner = block.owner
        var settling = delivery.settling
        guard self.hangsAgain(delivery, block) else { return settling }
        settling.reason = (delivery.reason ?? "") + ", twice in a row"
        settling.death = .hung
        self.handle.logger.error(
            "a message on which the handler hangs is set aside",
            metadata: [
                "delivery": .number(delivery.record.deliveryTag),
                "message_id": "\(delivery.properties.messageID ?? "none")",
            ]
        )
        return settling
    }

    private static var hung: String { "the handler ran longer than kill_timeout" }
    private static var takenBack: String { "the handler ran longer than the broker's consumer_timeout" }

    private func hangsAgain(_ delivery: InFlight, _ block: Block) -> Bool {
        guard self.countsHangs else { return false }
        if self.handle.hung.isSpent(delivery.record, block) { return true }
        return self.handle.job.onFailure == .retry && delivery.isCopy
            && [Self.hung, Self.takenBack].contains(delivery.properties.headers?[JobHeaders.error]?.stringValue)
    }

    // MARK: Taken back

    /// A handler has returned, too late: the broker counts nothing, and gives the message out again as often as that takes,
    /// so it is counted here.
    func noteTakenBack(_ delivery: InFlight, _ block: Block, alone: Bool) {
        delivery.publications.removeAll()
        // Somebody who got it meanwhile may have counted it.
        if self.handle.hands.claimOne(delivery.record.deliveryTag) {
            self.handle.hung.note(delivery.record, block, alone ? .alone : .inBatch)
        }
        self.handle.logTakenBack(delivery.record.deliveryTag)
    }

    /// The channel ended that way while tasks are at work: the one that began first is to blame.
    func noteTakenBackFromTasks(_ incarnation: UInt64) {
        guard self.isAsync, self.blamedChannel != incarnation,
            let oldest = self.running.first(where: { $0.isInHand && $0.incarnation == incarnation }),
            let block = oldest.block
        else { return }
        self.blamedChannel = incarnation
        guard self.handle.hands.claimOne(oldest.record.deliveryTag) else { return }
        self.handle.hung.note(oldest.record, block, .alone)
        self.handle.logTakenBack(oldest.record.deliveryTag)
    }

    /// Whether a task has ended too late and is to blame: it began first of those in hand.
    func isToBlame(_ delivery: InFlight, _ oldest: InFlight?, _ line: some HandsLine) -> Bool {
        guard delivery === oldest, line.hasTimedOut, self.blamedChannel != line.incarnation, self.isAcked,
            let block = delivery.block
        else { return false }
        self.blamedChannel = line.incarnation
        self.noteTakenBack(delivery, block, alone: true)
        return true
    }
}
