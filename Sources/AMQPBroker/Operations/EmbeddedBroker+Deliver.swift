import AMQPWire

/// From the queues to consumers.
extension EmbeddedBroker {
    /// Where the consumer stands whose turn it is.
    func nextConsumer(_ id: QueueID) -> Int? {
        let count = self.queues[id].consumers.count
        let active = self.queues[id].options.isSingleActive ? self.queues[id].activeConsumer : nil
        for index in 0..<count {
            let consumer = self.queues[id].consumers[index]
            if let active, consumer.id != active { continue }
            guard consumer.hasRoom else { continue }
            guard !self.connections[consumer.channel.connection].isCongested else { continue }
            if consumer.takesWithoutAck { return index }
            let channel = self.connections[consumer.channel.connection].channels[consumer.channel.number]
            if channel?.hasRoom == true { return index }
        }
        return nil
    }

    /// Hands out what can be handed out.
    mutating func dispatch(_ id: QueueID) {
        guard self.queues.contains(id) else { return }
        self.expire(id)
        while !self.queues[id].ready.isEmpty, let index = self.nextConsumer(id) {
            guard let entry = self.queues[id].ready.popFirst() else { break }
            self.deliver(entry, id, index)
            // What stood behind it may be over by now.
            self.expire(id)
        }
        self.armQueue(id)
    }

    mutating func deliver(_ entry: QueueEntry, _ id: QueueID, _ index: Int) {
        let consumer = self.queues[id].consumers[index]
        let (connection, number) = (consumer.channel.connection, consumer.channel.number)
        let header = self.header(of: entry, id)
        guard let tag = self.connections[connection].channels[number]?.takeTag() else { return }
        let frameMax = self.connections[connection].frameMax
        self.connections[connection].output.appendContent(
            60,
            lead: { octets in
                octets.append(contentsOf: consumer.wireTag)
                octets.appendBigEndian(tag)
                octets.append(entry.isRedelivered ? 1 : 0)
            },
            entry.message,
            header: header,
            on: number,
            frameMax: frameMax
        )
        self.markDirty(connection)
        self.counts.delivered += 1
        self.queues[id].served(index, holds: !consumer.takesWithoutAck)
        guard !consumer.takesWithoutAck else {
            self.counts.acked += 1
            return
        }
        self.connections[connection].channels[number]?.inFlight += 1
        self.hold(Unacked(tag: tag, queue: id, consumer: consumer.id, entry: entry, at: self.now), consumer.channel)
    }

    private mutating func hold(_ unacked: Unacked, _ channel: ChannelRef) {
        let id = channel.connection
        self.connections[id].channels[channel.number]?.unacked.append(unacked)
        if let timeout = self.settings.consumerTimeout { self.arm(id, at: self.now + timeout) }
    }

    /// The header that goes out: quorum queues say how often a message came back.
    private func header(of entry: QueueEntry, _ id: QueueID) -> [UInt8] {
        guard self.queues[id].options.kind == .quorum else { return entry.message.header }
        var properties = entry.message.properties
        var headers = properties.headers ?? [:]
        headers["x-delivery-count"] = .int64(Int64(entry.deliveryCount))
        headers.sortByName()
        properties.headers = headers
        return Message.header(properties, bodySize: entry.message.body.count) ?? entry.message.header
    }

    mutating func get(_ method: BasicGet, _ channel: ChannelRef) throws(Refusal) {
        let name = try self.queueName(method.queue, channel)
        try self.check(.read, queue: name, channel)
        let id = try self.queue(name, channel)
        self.queues[id].usedAt = self.now
        self.expire(id)
        guard let entry = self.queues[id].ready.popFirst() else {
            self.armQueue(id)
            return self.send(BasicGetEmpty(), channel)
        }
        let (connection, number) = (channel.connection, channel.number)
        guard let tag = self.connections[connection].channels[number]?.takeTag() else { return }
        let (header, frameMax) = (self.header(of: entry, id), self.connections[connection].frameMax)
        self.expire(id)
        let left = UInt32(clamping: self.queues[id].ready.count)
        self.connections[connection].output.appendContent(
            71,
            lead: { octets in
                octets.appendBigEndian(tag)
                octets.append(entry.isRedelivered ? 1 : 0)
            },
            entry.message,
            header: header,
            trail: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: left >> $0) },
            on: number,
            frameMax: frameMax
        )
        self.markDirty(connection)
        self.counts.delivered += 1
        self.armQueue(id)
        guard !method.noAck else {
            self.counts.acked += 1
            return
        }
        self.queues[id].unacked += 1
        self.hold(Unacked(tag: tag, queue: id, consumer: 0, entry: entry, at: self.now), channel)
    }

    /// The driver can send no more for now, or again.
    public mutating func setCongested(_ isCongested: Bool, _ id: ConnectionID, now: UInt64) {
        self.pass(now)
        guard self.connections.contains(id), self.connections[id].isCongested != isCongested else { return }
        self.connections[id].isCongested = isCongested
        guard !isCongested else { return }
        let queues = Set(self.connections[id].channels.values.flatMap(\.consumers.values))
        for queue in self.queues.ids where queues.contains(queue) { self.dispatch(queue) }
        self.settleRest()
    }
}
