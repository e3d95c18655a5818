import AMQPWire

/// From the queues to consumers.
extension EmbeddedBroker {
    /// Where the consumer stands whose turn it is.
    func nextConsumer(_ id: QueueID) -> Int? {
        let count = self.queues[id].consumers.count
        if self.queues[id].isYielding { return nil }
        let active = self.queues[id].options.isSingleActive ? self.queues[id].activeConsumer : nil
        for index in 0..<count {
            let consumer = self.queues[id].consumers[index]
            if let active, consumer.id != active { continue }
            guard consumer.hasRoom else { continue }
            guard !self.connections[consumer.channel.connection].isCongested else { continue }
            // Quorum queues know no prefetch of a channel; elsewhere it holds for who takes without acks, too.
            if self.queues[id].options.kind == .quorum { return index }
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
            self.dropExpired(id)
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
        self.connections[connection].channels[number]?.shared.took()
        self.hold(entry, tag, of: id, consumer.id, consumer.timeout, consumer.channel)
    }

    /// Takes note of a message that a channel has in its hands, and of when that is too long.
    private mutating func hold(
        _ entry: QueueEntry,
        _ tag: UInt64,
        of queue: QueueID,
        _ consumer: UInt64,
        _ timeout: UInt64?,
        _ channel: ChannelRef
    ) {
        var due = UInt64.max
        // Where the consumer is what goes, classic queues wait for ever.
        if !self.settings.profile.timeoutCancelsConsumer || self.queues[queue].options.kind == .quorum,
            let timeout = timeout ?? self.queues[queue].options.consumerTimeout ?? self.settings.consumerTimeout
        {
            due = self.now + timeout
        }
        let unacked = Unacked(tag: tag, queue: queue, consumer: consumer, entry: entry, at: self.now, due: due)
        self.connections[channel.connection].channels[channel.number]?.unacked.append(unacked)
        if due < .max { self.arm(channel.connection, at: due) }
    }

    /// The header that goes out: quorum queues say how often a message came back.
    private func header(of entry: QueueEntry, _ id: QueueID, isGet: Bool = false) -> [UInt8] {
        guard self.queues[id].options.kind == .quorum else { return entry.message.header }
        let deliveries = entry.deliveryCount > 0 ? entry.deliveryCount : entry.message.deliveryCount
        let acquired = entry.acquiredCount > 0 ? entry.acquiredCount : deliveries
        let tellsDeliveries = deliveries > 0 || isGet && self.settings.profile.tellsFirstDelivery
        let tellsAcquired = acquired > 0 && self.settings.profile.tellsAcquired
        guard tellsDeliveries || tellsAcquired else { return entry.message.header }
        var properties = entry.message.properties
        var headers = properties.headers ?? [:]
        if tellsAcquired { headers["x-acquired-count"] = .int64(Int64(acquired)) }
        if tellsDeliveries { headers["x-delivery-count"] = .int64(Int64(deliveries)) }
        headers.sortByName()
        properties.headers = headers
        return Message.header(properties, bodySize: entry.message.body.count) ?? entry.message.header
    }

    mutating func get(_ method: BasicGet, _ channel: ChannelRef) throws(Refusal) {
        let name = try self.queueName(method.queue, channel)
        try self.check(.read, queue: name, channel)
        let id = try self.queue(name, channel)
        if self.queues[id].options.kind == .quorum, self.queues[id].options.isSingleActive {
            throw .channel(
                .resourceLocked,
                "cannot obtain access to locked \(Named.queue(name, self.vhostName(channel.connection))). basic.get "
                    + "operations are not supported by \(self.settings.profile.quorumInTexts) queues with single active "
                    + "consumer"
            )
        }
        self.queues[id].usedAt = self.now
        self.expire(id)
        guard let entry = self.queues[id].ready.popFirst() else {
            self.armQueue(id)
            return self.send(BasicGetEmpty(), channel)
        }
        let (connection, number) = (channel.connection, channel.number)
        guard let tag = self.connections[connection].channels[number]?.takeTag() else { return }
        let (header, frameMax) = (self.header(of: entry, id, isGet: true), self.connections[connection].frameMax)
        // A quorum queue that waits for an ack counts what stood behind it before it looks whether that is over.
        let countsAll = self.queues[id].options.kind == .quorum && !method.noAck
        let all = self.queues[id].ready.count
        self.dropExpired(id)
        let left = UInt32(clamping: countsAll ? all : self.queues[id].ready.count)
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
        self.queues[id].got()
        self.hold(entry, tag, of: id, 0, nil, channel)
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
