import AMQPClient
import Logging

/// Copies, and what becomes of their originals.
extension Worker {
    static func makeParking(
        _ handle: WorkerHandle,
        _ source: ConnectionSource,
        _ places: JobPlaces
    ) -> Parking<JobPlaces> {
        let openings = Parking<JobPlaces>.Openings(
            line: { () throws(AMQPError) in
                let mailbox = Mailbox(waking: handle.mailbox, with: WorkerHandle.Signal.parking)
                let channel = try source.openForPublishing(mailbox)
                try channel.selectConfirms()
                handle.killSwitch?.opened(.copies, channel)
                return channel
            },
            aside: { () throws(AMQPError) in try source.openForPublishing(Mailbox()) }
        )
        return Parking(places, openings, patience: source.answerPatience, watch: handle.killSwitch?.note)
    }

    /// Publishes the copies that may go now.
    func releaseCopies(_ channel: Channel) {
        self.parking.release(isServed: self.isServed(channel), now: MonotonicClock.now())
        self.settleOriginals(channel)
    }

    /// Takes in what the channel for copies has got.
    func takeFromParking(_ channel: Channel) {
        self.parking.takeIn(isServed: self.isServed(channel), now: MonotonicClock.now())
        if !self.parking.isEmpty, !self.handle.isDraining {
            let wasSilent = self.parking.lookAfterSilence(now: MonotonicClock.now())
            if wasSilent {
                self.handle.logger.warning(
                    "the broker leaves copies without an answer; they go again on another channel"
                )
            }
        }
        self.settleOriginals(channel)
    }

    /// Settles what is told of copies.
    func settleOriginals(_ channel: Channel) {
        while let outcome = self.parking.nextOutcome() {
            switch outcome {
            case .placed(let tag, let settlement):
                self.hands.ledger?.wasSetAside(tag)
                self.send(settlement, tag, channel)
                self.noteSettled(tag)
            case .notPlaced(let tags, let reason): self.notPlaced(tags, reason, channel)
            case .uncopyable(let tag, let queue, let reason): self.canNotBeCopied(tag, queue, reason, channel)
            }
        }
        self.takePauses()
    }

    /// The messages stay where they were and come again, without their wait: slower, but not lost.
    private func notPlaced(_ tags: [UInt64], _ reason: String, _ channel: Channel) {
        for tag in tags { self.noteSettled(tag) }
        guard self.isServed(channel) else { return self.settler.counts.droppedAcks += tags.count }
        let isAcked = self.handle.job.ack.mode == .auto
        for tag in tags {
            self.handle.logger.error(
                isAcked
                    ? "a message could not be set aside; it goes back to its queue"
                    : "a message without acks could not be set aside; it is lost",
                metadata: ["delivery": .number(tag), "reason": "\(reason)"]
            )
        }
        // Nothing is wrong with the messages: a reject would count toward their queue's delivery limit.
        if isAcked { self.settler.giveBack(tags, on: channel) } else { self.settler.counts.lost += tags.count }
        self.settler.copyRefused(now: MonotonicClock.now())
    }

    private func canNotBeCopied(_ tag: UInt64, _ queue: String, _ reason: String, _ channel: Channel) {
        guard self.handle.job.ack.mode == .auto else { return self.notPlaced([tag], reason, channel) }
        self.noteSettled(tag)
        let hasTarget = self.source.current.map { self.topology.brokerDeadLetters(queue, on: $0) } ?? false
        if hasTarget {
            self.handle.logger.error(
                "a message can not be copied; the broker makes it a dead letter, without what we know of it",
                metadata: ["delivery": .number(tag), "reason": "\(reason)"]
            )
        } else {
            self.handle.logger.error(
                "a message can not be copied, and its queue has no dead_letter; it stays in its queue, and comes again",
                metadata: [
                    "delivery": .number(tag), "reason": "\(reason)", "help": "give queue '\(queue)' a dead_letter",
                ]
            )
        }
        let now = MonotonicClock.now()
        let isEnding = self.handle.isDraining
        let step = self.settler.uncopyable(tag, brokerDeadLetters: hasTarget, isEnding: isEnding, now: now)
        if let step { self.send(step, tag, channel, isRefusedCopy: step == .giveBack) }
    }
}
