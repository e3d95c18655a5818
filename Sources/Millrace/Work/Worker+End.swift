import AMQPClient
import Logging

/// The end of a channel, wished for or not.
extension Worker {
    /// Finishes what is in hand, gives back what is not begun, then closes.
    ///
    /// The consumer is cancelled when what is in hand is settled: then everything unsettled is not begun and goes back with
    /// one frame, and the answer says that a quorum queue has written down what was settled before. Handlers that take
    /// longer hold nothing up: then it is cancelled first, and the others go back one by one.
    func drain(_ channel: Channel) throws(AMQPError) {
        if self.handle.job.ack.mode == .none {
            for tag in self.consumerTags { try channel.cancel(tag) }
            self.outlet.end()
            self.workOffUnacked(channel)
        } else {
            try self.finishInHand(channel, until: MonotonicClock.now() &+ Self.shortWait)
            for tag in self.consumerTags { try channel.cancel(tag) }
            self.outlet.end()
        }
        var tail = SettlingTail(frames: channel.settlingFrames)
        var unbegun = self.settler.takeKept() + self.takeUnbegun(channel)
        let first = unbegun.suffix(self.hasInHand ? Self.singlesLimit : .max)
        unbegun.removeLast(first.count)
        self.giveBackTheRest(Array(first), channel)
        try self.finishInHand(channel, until: nil) {
            tail.look(frames: channel.settlingFrames, now: MonotonicClock.now())
        }
        self.giveBackTheRest(unbegun, channel)
        self.sendAcks(channel)
        self.publishCounts()
        self.closeOutlets()
        tail.look(frames: channel.settlingFrames, now: MonotonicClock.now())
        while channel.isOpen, let time = tail.mayCloseAt, MonotonicClock.now() < time { channel.pump(until: time) }
        self.closeAndCount(channel)
        self.noteUnsentAcks(channel)
        self.publishCounts()
        self.channel = nil
    }

    /// A quorum queue may have handed out messages that come behind the answer to the cancel, and the close gives them back.
    private func closeAndCount(_ channel: Channel) {
        let late = self.takeUnbegun(channel).count
        channel.close()
        guard self.handle.job.ack.mode == .auto else { return }
        self.handle.received.add(channel.deliveriesWhileClosing)
        self.settler.counts.givenBack += late + channel.deliveriesWhileClosing
    }

    /// How long a drain waits for handlers before it gives back what is behind them: nanoseconds.
    private static let shortWait: UInt64 = 500_000_000
    /// So many go back one by one while a handler runs; for a broker each costs as much as thousands with one frame.
    private static let singlesLimit = 1000

    private var hasInHand: Bool { !self.hands.running.isEmpty || !self.outlet.isEmpty || !self.parking.isEmpty }

    /// Until what is in hand is settled, or the time is over: then, or when handlers are asked to end, some may be left.
    private func finishInHand(
        _ channel: Channel,
        until deadline: UInt64?,
        afterEach look: () -> Void = {}
    ) throws(AMQPError) {
        while self.hasInHand {
            if let deadline, self.handle.isCancelled || MonotonicClock.now() >= deadline { return }
            if !self.outlet.isEmpty { self.releaseOutputs(channel) }
            if !self.parking.isEmpty { self.releaseCopies(channel) }
            self.sendAcks(channel)
            look()
            self.publishCounts()
            try self.throwIfEnded(channel)
            self.intake.endPause()  // nothing more begins
            self.await(channel, until: [deadline, self.nextWake].compactMap(\.self).min())
        }
    }

    /// Settled when the broker sent them: there is nobody to give them back to.
    private func workOffUnacked(_ channel: Channel) {
        channel.pump(until: 0)
        while channel.isOpen {
            self.intake.endPause()
            self.workOff(channel, whileDraining: true)
            self.intake.endPause()  // a failure may have set one
            if self.mayBegin(channel) || self.intake.hasCollected { continue }
            if self.hands.running.isEmpty, !self.areOutputsFull { break }
            if !self.outlet.isEmpty { self.releaseOutputs(channel) }
            self.await(channel, until: self.nextWake)
        }
    }

    func closeOutlets() {
        self.outlet.close()
        self.parking.close()
    }

    /// The deliveries that no handler has seen, the oldest first; they are nobody's then.
    private func takeUnbegun(_ channel: Channel) -> [UInt64] {
        var tags = self.intake.removeAll()
        while let batch = channel.takeBatch() { tags += batch.records.map(\.deliveryTag) }
        guard self.handle.job.ack.mode == .auto else { return [] }
        self.handle.received.add(tags.count)
        return tags
    }

    private func giveBack(_ tags: [UInt64], _ channel: Channel) {
        guard !tags.isEmpty else { return }
        self.settler.counts.givenBack += channel.giveBack(tags: tags)
        channel.sendAcks()
    }

    /// What is left unsettled, if nothing is in hand, a quorum queue gets from the channel's end in a tenth of the time that a
    /// nack takes it; where it counts either as a failure.
    private func giveBackTheRest(_ tags: [UInt64], _ channel: Channel) {
        guard !self.hasInHand, channel.brokerVersion.countsNacks,
            self.handle.job.queues.allSatisfy({ self.topology.type(of: $0) == .quorum })
        else { return self.giveBack(tags, channel) }
        self.settler.counts.givenBack += min(tags.count, channel.unsettledCount)
    }

    /// The channel is gone: what it had given out comes again, on another channel.
    func channelEnded(_ error: AMQPError) {
        if let channel = self.channel {
            channel.close()
            self.noteUnsentAcks(channel)
            self.runCalls(nil)
        }
        self.channel = nil
        self.hands.ledger?.channelEnded()
        let held = self.outlet.removeAll()
        let unfinished = held.count + self.parking.removeAll().count + self.settler.channelEnded()
        if self.handle.job.ack.mode == .auto {
            self.settler.counts.droppedAcks += unfinished
        } else if unfinished > 0 {
            self.settler.counts.lost += unfinished
            self.handle.logger.error("messages without acks are lost", metadata: ["messages": .number(unfinished)])
        }
        self.countAckedInOurPlace(held)
        if error.scope == .connection, !self.source.publishesSeparately {
            self.outlet.forgetLine()
            self.parking.forgetLine()
        }
        self.intake.channelEnded()
        self.publishCounts()
    }

    /// Acks that were held back when the channel ended were counted as sent.
    func noteUnsentAcks(_ channel: Channel) {
        let count = channel.unsentAckCount
        self.settler.counts.acked -= count
        self.settler.counts.droppedAcks += count
    }
}
