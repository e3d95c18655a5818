import AMQPClient
import Logging

/// The end of a channel, wished for or not.
extension Worker {
    /// Gives back what is not begun, newest first; finishes what is; then closes (DESIGN §7).
    func drain(_ channel: Channel) throws(AMQPError) {
        try channel.cancel(self.consumerTag)
        self.hasCancelled = true
        if self.handle.job.ack.mode == .none {
            // Settled when the broker sent them: there is nobody to give them back to.
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
        self.giveBackUnbegun(channel)
        while !self.running.isEmpty || !self.outputs.isEmpty || !self.parked.isEmpty {
            if !self.outputs.isEmpty { self.releaseOutputs(channel) }
            self.sendAcks(channel)
            self.publishCounts()
            try self.throwIfEnded(channel)
            self.pausedUntil = 0  // nothing more begins
            self.await(channel, until: self.nextWake)
        }
        self.sendAcks(channel)
        self.publishCounts()
        self.closeOutlets()
        channel.close()
        self.noteUnsentAcks(channel)
        self.publishCounts()
        self.channel = nil
    }

    func closeOutlets() {
        self.outlet?.close()
        self.outlet = nil
        self.parking?.close()
        self.parking = nil
    }

    func giveBackUnbegun(_ channel: Channel) {
        var tags = self.batching?.removeAll() ?? []
        if let batch = self.batch { tags += batch.records[self.nextRecord...].map(\.deliveryTag) }
        self.batch = nil
        while let batch = channel.takeBatch() { tags += batch.records.map(\.deliveryTag) }
        guard self.handle.job.ack.mode == .auto else { return }
        for tag in tags.reversed() where channel.nack(tag: tag, requeue: true) { self.counts.givenBack += 1 }
        self.counts.received += tags.count
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
        let unfinished = held.count + self.parked.removeAll()
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
