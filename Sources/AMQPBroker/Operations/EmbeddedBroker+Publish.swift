import AMQPWire

/// From `basic.publish` into the queues.
extension EmbeddedBroker {
    mutating func publish(
        _ method: BasicPublish,
        _ unit: ContentAssembler.Unit,
        _ channel: ChannelRef
    ) throws(Refusal) {
        let id = channel.connection
        if method.immediate { throw .connection(.notImplemented, "immediate=true") }
        let message = try self.message(method, unit, channel)
        self.counts.published += 1
        if !self.connections[id].hasPublished {
            self.connections[id].hasPublished = true
            if self.alarm != nil { self.block(id) }
        }
        switch self.connections[id].channels[channel.number]?.mode {
        case .transaction:
            self.connections[id].channels[channel.number]?.publishes
                .append(ChannelMachine.Publish(message: message, isMandatory: method.mandatory))
        case .confirm:
            guard let number = self.connections[id].channels[channel.number]?.confirms.number() else { return }
            let isTaken = self.route(message, isMandatory: method.mandatory, channel)
            self.confirm(number, isTaken, channel)
        default: _ = self.route(message, isMandatory: method.mandatory, channel)
        }
    }

    private func message(
        _ method: BasicPublish,
        _ unit: ContentAssembler.Unit,
        _ channel: ChannelRef
    ) throws(Refusal) -> Message {
        let id = channel.connection
        let limit = self.settings.largestBody
        guard unit.body.count <= limit else {
            throw .channel(
                .preconditionFailed,
                "message size \(unit.body.count) is larger than configured max size \(limit)"
            )
        }
        try self.check(.write, exchange: method.exchange, channel)
        let vhost = self.connections[id].vhost
        if !method.exchange.isEmpty {
            guard let exchange = self.vhosts[vhost].exchanges[method.exchange] else {
                throw .noExchange(method.exchange, self.vhosts[vhost].name)
            }
            if exchange.isInternal {
                throw .channel(
                    .accessRefused,
                    "cannot publish to internal \(Named.exchange(method.exchange, self.vhosts[vhost].name))"
                )
            }
        }
        var facts = try MessageFacts(unit.header)
        let replyKey = try self.replyKey(of: facts, channel)
        if self.settings.profile.readsExpirationFirst { try facts.readExpiration() }
        if let user = facts.userID, user != self.connections[id].user {
            throw .channel(
                .preconditionFailed,
                "user_id property set to '\(user)' but authenticated user was '\(self.connections[id].user)'"
            )
        }
        try facts.readExpiration()
        try facts.readCopies(checksMode: self.settings.profile.checksDeliveryMode)
        return Message(
            exchange: method.exchange,
            routingKey: method.routingKey,
            header: self.header(unit, facts, replyKey),
            body: unit.body,
            facts: facts
        )
    }

    /// The header as it is handed on: without BCC, with the place of a direct reply, and sorted where this release does
    /// that.
    private func header(_ unit: ContentAssembler.Unit, _ facts: MessageFacts, _ replyKey: String?) -> [UInt8] {
        let isSorted = facts.headers != nil && self.settings.profile.sortsHeaderTables
        guard isSorted || replyKey != nil || facts.headers?["BCC"] != nil else { return unit.header }
        var properties = unit.header.withUnsafeBytes { BasicProperties(salvaging: $0) }
        if let replyKey { properties.replyTo = replyKey }
        properties.headers?["BCC"] = nil
        if self.settings.profile.sortsHeaderTables { properties.headers?.sortByName() }
        return Message.header(properties, bodySize: unit.body.count) ?? unit.header
    }

    /// Puts a message into its queues, or gives it back.
    ///
    /// - Returns: false if a queue has refused it.
    mutating func route(_ message: Message, isMandatory: Bool, _ channel: ChannelRef) -> Bool {
        let vhost = self.connections[channel.connection].vhost
        let targets = self.targets(of: message, vhost)
        let isReply = targets.isEmpty && self.reply(message)
        if targets.isEmpty, isMandatory, !isReply { self.giveBack(message, channel) }
        var isTaken = true
        for id in targets where !self.enqueue(message, id, from: .channel(channel)) { isTaken = false }
        return isTaken
    }

    func targets(of message: Message, _ vhost: Int) -> [QueueID] {
        self.vhosts[vhost].route(
            exchange: message.exchange,
            keys: [message.routingKey] + message.facts.copies,
            facts: message.facts
        )
    }

    private mutating func giveBack(_ message: Message, _ channel: ChannelRef) {
        let id = channel.connection
        let frameMax = self.connections[id].frameMax
        self.connections[id].output.appendContent(
            50,
            lead: { octets in
                octets.append(1)
                octets.append(0x38)  // 312
                octets.append(contentsOf: ShortText.octets("NO_ROUTE"))
            },
            message,
            header: message.header,
            on: channel.number,
            frameMax: frameMax
        )
        self.markDirty(id)
    }

    /// Where a message comes from.
    enum Source {
        case channel(ChannelRef)
        /// A queue in which it has died.
        case queue
        /// Whoever has the broker in hand.
        case door
    }

    /// Puts a message into a queue, or hands it on at once.
    ///
    /// - Returns: false if the queue refuses it, because it is full.
    mutating func enqueue(_ message: Message, _ id: QueueID, from source: Source) -> Bool {
        guard self.queues.contains(id) else { return true }
        if self.queues[id].isRefusing { return false }
        let entry = self.queues[id].makeEntry(message, now: self.now)
        let overflow = self.queues[id].options.overflow
        if self.queues[id].options.tellsPublishers {
            if self.isRefused(source, id) { return false }
        } else if overflow != .dropHead, self.queues[id].isFull(with: message.body.count) {
            if overflow == .rejectPublishDLX {
                self.counts.enqueued += 1
                self.bury(entry, id, .maxlen)
            }
            return false
        }
        self.counts.enqueued += 1
        if self.queues[id].ready.isEmpty, let index = self.nextConsumer(id) {
            self.deliver(entry, id, index)
            return true
        }
        self.queues[id].ready.append(entry)
        let hasDropped = self.trim(id)
        self.expire(id, behind: entry, hasDropped: hasDropped)
        if !self.queues[id].consumers.isEmpty { self.dispatch(id) }
        self.armQueue(id)
        return true
    }

    /// Whether a queue that tells its publishers has told this one to stop; what dies asks nobody.
    private mutating func isRefused(_ source: Source, _ id: QueueID) -> Bool {
        switch source {
        case .queue: return false
        case .door: return self.queues[id].isOverfull
        case .channel(let ref):
            let known = self.connections[ref.connection].channels[ref.number]?.tickets[id]
            if let known { return self.queues[id].gate.refuses(known) }
            let isOver = self.queues[id].isOverfull
            let ticket = self.queues[id].gate.join(isOver: isOver)
            self.connections[ref.connection].channels[ref.number]?.tickets[id] = ticket
            return isOver
        }
    }

    /// Drops from the head what is too much.
    ///
    /// - Returns: Whether there was any.
    @discardableResult
    mutating func trim(_ id: QueueID) -> Bool {
        var hasDropped = false
        guard self.queues[id].options.overflow == .dropHead else { return false }
        while self.queues[id].isOverfull, let entry = self.queues[id].ready.popFirst() {
            self.bury(entry, id, .maxlen)
            hasDropped = true
        }
        return hasDropped
    }

    // MARK: Confirms

    private mutating func confirm(_ number: UInt64, _ isTaken: Bool, _ channel: ChannelRef) {
        let id = channel.connection
        guard isTaken else {
            self.flushConfirms(channel)
            self.connections[id].output.appendConfirm(number, multiple: true, isAck: false, on: channel.number)
            return self.markDirty(id)
        }
        if self.connections[id].channels[channel.number]?.confirms.isPending == false {
            self.confirming.append(channel)
        }
        self.connections[id].channels[channel.number]?.confirms.taken(number)
    }

    mutating func flushConfirms(_ channel: ChannelRef) {
        let id = channel.connection
        guard self.connections.contains(id),
            let (tag, multiple) = self.connections[id].channels[channel.number]?.confirms.flush()
        else { return }
        self.connections[id].output.appendConfirm(tag, multiple: multiple, isAck: true, on: channel.number)
        self.markDirty(id)
    }
}

extension FieldTable {
    /// Sorts the entries, octet by octet of their names.
    mutating func sortByName() {
        self.entries.sort { $0.keyOctets.lexicographicallyPrecedes($1.keyOctets) }
    }
}
