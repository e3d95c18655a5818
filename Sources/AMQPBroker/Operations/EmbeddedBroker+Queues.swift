import AMQPWire

extension EmbeddedBroker {
    /// The name that a client means: an empty one is the queue that it declared last on the channel.
    func queueName(_ name: String, _ channel: ChannelRef) throws(Refusal) -> String {
        guard name.isEmpty else { return name }
        let last = self.connections[channel.connection].channels[channel.number]?.lastQueue ?? ""
        guard !last.isEmpty else { throw .channel(.notFound, "no previously declared queue") }
        return last
    }

    /// A queue that is there and that the connection may use.
    func queue(_ name: String, _ channel: ChannelRef) throws(Refusal) -> QueueID {
        let vhost = self.vhosts[self.connections[channel.connection].vhost]
        guard let id = vhost.queues[name] else { throw .noQueue(name, vhost.name) }
        try self.checkOwner(id, channel)
        return id
    }

    func checkOwner(_ id: QueueID, _ channel: ChannelRef) throws(Refusal) {
        guard let owner = self.queues[id].owner, owner != channel.connection else { return }
        throw .locked(self.queues[id].name, self.vhosts[self.queues[id].vhost].name)
    }

    mutating func declare(_ method: QueueDeclare, _ channel: ChannelRef) throws(Refusal) {
        if self.isReplyQueue(method.queue) {
            self.connections[channel.connection].channels[channel.number]?.lastQueue = method.queue
            guard !method.noWait else { return }
            return self.send(QueueDeclareOk(queue: method.queue, messageCount: 0, consumerCount: 1), channel)
        }
        if method.queue.hasPrefix(Self.replyQueue) { throw .noQueue(method.queue, self.vhostName(channel.connection)) }
        let id: QueueID
        if method.passive {
            if self.settings.profile.checksPassiveDeclarations {
                try self.check(.configure, queue: method.queue, channel)
            }
            id = try self.queue(method.queue, channel)
        } else {
            id = try self.declared(method, channel)
        }
        let name = self.queues[id].name
        self.connections[channel.connection].channels[channel.number]?.lastQueue = name
        self.queues[id].usedAt =
            self.queues[id].options.kind == .quorum && method.passive ? self.queues[id].usedAt : self.now
        self.expire(id)
        self.armQueue(id)
        guard !method.noWait else { return }
        self.send(
            QueueDeclareOk(
                queue: name,
                messageCount: UInt32(clamping: self.queues[id].ready.count),
                consumerCount: UInt32(clamping: self.queues[id].consumersTold)
            ),
            channel
        )
    }

    private mutating func declared(_ method: QueueDeclare, _ channel: ChannelRef) throws(Refusal) -> QueueID {
        let connection = channel.connection
        let vhost = self.connections[connection].vhost
        let owner = method.exclusive ? connection : nil
        // Who owns a queue is not there after a restart, so neither is the queue.
        let isDurable = method.durable && !method.exclusive
        if method.queue.hasPrefix("amq.") { throw .reserved("queue", method.queue) }
        let name = method.queue.isEmpty ? self.names.next("amq.gen") : method.queue
        try self.check(.configure, queue: name, channel)
        if let id = self.vhosts[vhost].queues[name] {
            try self.checkEquivalence(id, method, isDurable, owner)
            return id
        }
        if let exchange = method.arguments["x-dead-letter-exchange"]?.stringValue {
            try self.check(.read, queue: name, channel)
            try self.check(.write, exchange: exchange, channel)
        }
        let options = try self.options(method, name, vhost, isDurable)
        let now = self.now
        let id = self.queues.insert { id in
            MessageQueue(
                id: id,
                name: name,
                vhost: vhost,
                isDurable: isDurable,
                isAutoDelete: method.autoDelete,
                owner: owner,
                arguments: method.arguments,
                options: options,
                now: now
            )
        }
        self.vhosts[vhost].queues[name] = id
        if options.tellsPublishers { self.telling.append(id) }
        return id
    }

    private func options(
        _ method: QueueDeclare,
        _ name: String,
        _ vhost: Int,
        _ isDurable: Bool
    ) throws(Refusal) -> QueueOptions {
        let thing = Named.queue(name, self.vhosts[vhost].name)
        let options = try QueueOptions(method.arguments, of: thing, profile: self.settings.profile)
        if options.kind == .quorum {
            func invalid(_ property: String) -> Refusal {
                .channel(.preconditionFailed, "invalid property '\(property)' for \(thing)")
            }
            if method.autoDelete { throw invalid("auto-delete") }
            if method.exclusive { throw invalid("exclusive-owner") }
            if !isDurable { throw invalid("non-durable") }
        }
        if self.settings.profile.refusesTransientQueues, !isDurable, !method.exclusive {
            throw .connection(.internalError, "")
        }
        return options
    }

    private func checkEquivalence(
        _ id: QueueID,
        _ method: QueueDeclare,
        _ isDurable: Bool,
        _ owner: ConnectionID?
    ) throws(Refusal) {
        let queue = self.queues[id]
        let vhost = self.vhosts[queue.vhost].name
        guard queue.owner == owner else { throw .locked(queue.name, vhost) }
        let thing = Named.queue(queue.name, vhost)
        for (key, current, received) in [
            ("durable", queue.isDurable, isDurable), ("auto_delete", queue.isAutoDelete, method.autoDelete),
        ] where current != received {
            throw ArgumentText.inequivalent(key, thing, received: "'\(received)'", current: "'\(current)'")
        }
        let (current, received) = self.withType(queue.arguments, method.arguments)
        for key in QueueOptions.compared(queue.options.kind) {
            let difference = ArgumentText.difference(key, thing, current: current, received: received)
            if let difference { throw difference }
        }
    }

    /// Arguments of two declarations, with the type of a queue that says none where that matters.
    private func withType(_ one: FieldTable, _ other: FieldTable) -> (FieldTable, FieldTable) {
        let classic = FieldValue.string(QueueOptions.Kind.classic.rawValue)
        let types = [one, other].map { $0["x-queue-type"] ?? classic }
        guard types[0] == types[1] || self.settings.profile.fillsInQueueType else { return (one, other) }
        var (one, other) = (one, other)
        (one["x-queue-type"], other["x-queue-type"]) = (types[0], types[1])
        return (one, other)
    }

    mutating func purge(_ method: QueuePurge, _ channel: ChannelRef) throws(Refusal) {
        let name = try self.queueName(method.queue, channel)
        try self.check(.read, queue: name, channel)
        let id = try self.queue(name, channel)
        self.expire(id)
        let purged = self.queues[id].ready.removeAll().count + self.queues[id].waiting.take(dueBy: .max).count
        self.counts.purged += purged
        if !method.noWait { self.send(QueuePurgeOk(messageCount: UInt32(clamping: purged)), channel) }
    }

    mutating func delete(_ method: QueueDelete, _ channel: ChannelRef) throws(Refusal) {
        let name = try self.queueName(method.queue, channel)
        try self.check(.configure, queue: name, channel)
        let vhost = self.vhosts[self.connections[channel.connection].vhost]
        var found: QueueID?
        if let id = vhost.queues[name] {
            try self.checkOwner(id, channel)
            self.expire(id)
            if self.queues[id].options.kind == .quorum, method.ifUnused || method.ifEmpty {
                throw .connection(
                    .notImplemented,
                    "cannot delete \(Named.queue(name, vhost.name)). queue.delete operations with "
                        + "\(method.ifUnused ? "if-unused" : "if-empty") flag set are not supported by quorum queues"
                )
            }
            if method.ifUnused, !self.queues[id].consumers.isEmpty {
                throw .channel(.preconditionFailed, "\(Named.queue(name, vhost.name)) in use")
            }
            if method.ifEmpty, !self.queues[id].ready.isEmpty {
                throw .channel(.preconditionFailed, "\(Named.queue(name, vhost.name)) not empty")
            }
            found = id
        }
        let count = found.map { self.queues[$0].ready.count } ?? 0
        if !method.noWait { self.send(QueueDeleteOk(messageCount: UInt32(clamping: count)), channel) }
        if let found { self.deleteQueue(found) }
    }

    /// The queue goes, with what it holds; its consumers are told.
    mutating func deleteQueue(_ id: QueueID) {
        for consumer in self.queues[id].removeConsumers().sorted(by: { $0.tag < $1.tag }) {
            let channel = consumer.channel
            self.connections[channel.connection].channels[channel.number]?.consumers[consumer.tag] = nil
            if self.connections[channel.connection].can("consumer_cancel_notify") {
                self.send(BasicCancel(consumerTag: consumer.tag, noWait: true), channel)
            }
        }
        self.expire(id)
        self.counts.purged +=
            self.queues[id].ready.count + self.queues[id].waiting.count + self.queues[id].unacked
        let (vhost, name) = (self.queues[id].vhost, self.queues[id].name)
        self.queues.remove(id)
        self.telling.removeAll { $0 == id }
        self.vhosts[vhost].queues[name] = nil
        self.vhosts[vhost].forget(.queue(id))
    }

    /// The last consumer of a queue that deletes itself is gone.
    mutating func deleteIfUnused(_ id: QueueID) {
        guard self.queues.contains(id), self.queues[id].isAutoDelete, self.queues[id].consumers.isEmpty else { return }
        self.deleteQueue(id)
    }
}
