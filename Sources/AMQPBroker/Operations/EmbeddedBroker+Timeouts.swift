import AMQPWire

/// Deliveries that nobody settles in time (C61).
extension EmbeddedBroker {
    mutating func timeOutConsumers(_ id: ConnectionID) {
        for number in self.connections[id].channels.numbers {
            let overdue = self.connections[id].channels[number]?.unacked.overdue(self.now) ?? []
            guard let first = overdue.first, self.connections[id].channels[number]?.state == .open else { continue }
            let channel = ChannelRef(connection: id, number: number)
            let timeout = first.due - first.at
            guard self.settings.profile.timeoutCancelsConsumer else {
                self.closeLate(channel, timeout)
                continue
            }
            // Of quorum queues alone; a get has no consumer to cancel.
            let late = overdue.filter {
                self.queues.contains($0.queue) && self.queues[$0.queue].options.kind == .quorum
            }
            if late.contains(where: { $0.consumer == 0 })
                || !late.isEmpty && !self.connections[id].can("consumer_cancel_notify")
            {
                self.closeLate(channel, timeout)
                continue
            }
            for consumer in Set(late.map(\.consumer)).sorted() { self.cancelLate(consumer, channel) }
        }
    }

    private mutating func closeLate(_ channel: ChannelRef, _ timeout: UInt64) {
        let text =
            "delivery acknowledgement on channel \(channel.number) timed out. Timeout value used: \(timeout) ms. "
            + "This timeout value can be configured, see consumers doc guide to learn more"
        self.closeChannel(channel, .channel(.preconditionFailed, text), nil)
    }

    /// The consumer goes, and all that it held goes back without being counted.
    private mutating func cancelLate(_ consumer: UInt64, _ channel: ChannelRef) {
        let (id, number) = (channel.connection, channel.number)
        let taken = self.connections[id].channels[number]?.unacked.takeAll { $0.consumer == consumer } ?? []
        self.connections[id].channels[number]?.shared.gaveBack(taken.count)
        // A consumer that was cancelled before has no name any more.
        if let queue = taken.first?.queue,
            let tag = self.queues[queue].consumers.first(where: { $0.id == consumer })?.tag
        {
            self.connections[id].channels[number]?.consumers[tag] = nil
            self.queues[queue].removeConsumer(tag, of: channel)
            self.queues[queue].usedAt = self.now
            self.send(BasicCancel(consumerTag: tag, noWait: true), channel)
        }
        self.giveBack(taken, counted: false)
    }
}
