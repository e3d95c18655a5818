import AMQPClient
import Logging

/// The end of a channel, wished for or not.
extension Worker {
    /// Finishes what is in hand, gives back what is not begun, then closes (DESIGN §7).
    ///
    /// The consumer is cancelled when what is in hand is settled: then everything unsettled is not begun and goes back with
    /// one frame, and the answer says that a quorum queue has written down what was settled before. Handlers that take
    /// longer hold nothing up: then it is cancelled first, and the others go back one by one.
    func drain(_ channel: Channel) throws(AMQPError) {
        if self.handle.job.ack.mode == .none {
            try channel.cancel(self.consumerTag)
            self.hasCancelled = true
            self.workOffUnacked(channel)
        } else {
            try self.finishInHand(channel, until: MonotonicClock.now() &+ Self.shortWait)
            try channel.cancel(self.consumerTag)
            self.hasCancelled = true
        }
        var tail = SettlingTail(frames: channel.settlingFrames)
        var unbegun = self.setAside.removeAll() + self.takeUnbegun(channel)
        let first = unbegun.suffix(self.hasInHand ? Self.singlesLimit : .max)
        unbegun.removeLast(first.count)
        self.giveBack(Array(first), channel)
        try self.finishInHand(channel, until: nil) {
            tail.look(frames: channel.settlingFrames, now: MonotonicClock.now())
        }
        self.giveBack(unbegun, channel)
        self.sendAcks(channel)
        self.publishCounts()
        self.closeOutlets()
        tail.look(frames: channel.settlingFrames, now: MonotonicClock.now())
        while channel.isOpen, let time = tail.mayCloseAt, MonotonicClock.now() < time { channel.pump(until: time) }
        channel.close()
        self.noteUnsentAcks(channel)
        self.publishCounts()
        self.channel = nil
    }

    /// How long a drain waits for handlers before it gives back what is behind them: nanoseconds.
    private static let shortWait: UInt64 = 500_000_000
    /// So many go back one by one while a handler runs; for a broker each costs as much as thousands with one frame.
    private static let singlesLimit = 1000

    private var hasInHand: Bool { !self.running.isEmpty || !self.outputs.isEmpty || !self.parked.isEmpty }

    /// Until what is in hand is settled, or the time is over: then, or when handlers are asked to end, some may be left.
    private func finishInHand(
        _ channel: Channel,
        until deadline: UInt64?,
        afterEach look: () -> Void = {}
    ) throws(AMQPError) {
        while self.hasInHand {
            if let deadline, self.handle.isCancelled || MonotonicClock.now() >= deadline { return }
            if !self.outputs.isEmpty { self.releaseOutputs(channel) }
            if !self.parked.isEmpty { self.releaseCopies(channel) }
            self.sendAcks(channel)
            look()
            self.publishCounts()
            try self.throwIfEnded(channel)
            self.pausedUntil = 0  // nothing more begins
            self.await(channel, until: [deadline, self.nextWake].compactMap(\.self).min())
        }
    }

    /// Settled when the broker sent them: there is nobody to give them back to.
    private func workOffUnacked(_ channel: Channel) {
        channel.pump(until: 0)
        while channel.isOpen {
            self.pausedUntil = 0
            self.workOff(channel, whileDraining: true)
            self.pausedUntil = 0  // a failure may have set one
            if self.mayBegin(channel) || self.hasCollected { continue }
            if self.running.isEmpty, !self.areOutputsFull { break }
            if !self.outputs.isEmpty { self.releaseOutputs(channel) }
            self.await(channel, until: self.nextWake)
        }
    }

    func closeOutlets() {
        self.outlet?.close()
        self.outlet = nil
        self.parking?.close()
        self.parking = nil
    }

    /// The deliveries that no handler has seen, the oldest first; they are nobody's then.
    private func takeUnbegun(_ channel: Channel) -> [UInt64] {
        var tags = self.batching?.removeAll() ?? []
        if let batch = self.batch { tags += batch.records[self.nextRecord...].map(\.deliveryTag) }
        self.batch = nil
        while let batch = channel.takeBatch() { tags += batch.records.map(\.deliveryTag) }
        guard self.handle.job.ack.mode == .auto else { return [] }
        self.counts.received += tags.count
        return tags
    }

    private func giveBack(_ tags: [UInt64], _ channel: Channel) {
        guard !tags.isEmpty else { return }
        self.counts.givenBack += channel.giveBack(tags: tags)
        channel.sendAcks()
    }

    /// The channel is gone: what it had given out comes again, on another channel.
    func channelEnded(_ error: AMQPError) {
        if let channel = self.channel {
            channel.close()
            self.noteUnsentAcks(channel)
            self.runCalls(nil)
        }
        self.channel = nil
        self.ledger?.channelEnded()
        let held = self.outputs.removeAll()
        let unfinished = held.count + self.parked.removeAll().count + self.setAside.removeAll().count
        if self.handle.job.ack.mode == .auto {
            self.counts.droppedAcks += unfinished
        } else if unfinished > 0 {
            self.counts.lost += unfinished
            self.handle.logger.error("messages without acks are lost", metadata: ["messages": "\(unfinished)"])
        }
        self.countAckedInOurPlace(held)
        if error.scope == .connection, !self.source.publishesSeparately {
            self.outlet = nil
            self.parking = nil
        }
        self.batch = nil
        _ = self.batching?.removeAll()
        self.pausedUntil = 0
        self.publishCounts()
    }

    /// Acks that were held back when the channel ended were counted as sent.
    func noteUnsentAcks(_ channel: Channel) {
        let count = channel.unsentAckCount
        self.counts.acked -= count
        self.counts.droppedAcks += count
    }
}
