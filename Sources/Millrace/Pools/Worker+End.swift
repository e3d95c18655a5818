import AMQPClient

/// The end of a channel, wished for or not.
extension Worker {
    /// Gives back what is not begun, newest first; finishes what is; then closes (DESIGN §7).
    func drain(_ channel: Channel) throws(AMQPError) {
        try channel.cancel(self.consumerTag)
        if self.handle.job.ack.mode == .none {
            // Settled when the broker sent them: there is nobody to give them back to.
            channel.pump(until: 0)
            while channel.isOpen {
                self.pausedUntil = 0
                self.workOff(channel, whileDraining: true)
                if self.mayBegin(channel) { continue }
                if self.running.isEmpty { break }
                self.await(channel, until: self.nextWake)
            }
        }
        self.giveBackUnbegun(channel)
        while !self.running.isEmpty || !self.outputs.isEmpty || !self.parked.isEmpty {
            if !self.outputs.isEmpty { self.releaseOutputs(channel) }
            channel.sendAcks()
            self.publishCounts()
            try self.throwIfEnded(channel)
            self.await(channel, until: self.nextWake)
        }
        channel.sendAcks()
        self.publishCounts()
        self.outlet?.close()
        self.outlet = nil
        self.parking?.close()
        self.parking = nil
        channel.close()
        self.noteUnsentAcks(channel)
        self.publishCounts()
        self.channel = nil
    }

    func giveBackUnbegun(_ channel: Channel) {
        var tags: [UInt64] = []
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
        self.counts.droppedAcks += self.outputs.removeAll().count + self.parked.removeAll()
        if error.scope == .connection, !self.source.publishesSeparately {
            self.outlet = nil
            self.parking = nil
        }
        self.batch = nil
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
