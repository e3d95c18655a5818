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

    private func checkOwner(_ id: QueueID, _ channel: ChannelRef) throws(Refusal) {
        guard let owner = self.queues[id].owner, owner != channel.connection else { return }
        throw .locked(self.queues[id].name, self.vhosts[self.queues[id].vhost].name)
    }

    mutating func declare(_ method: QueueDeclare, _ channel: ChannelRef) throws(Refusal) {
        if self.isAsker(method.queue) {
            if !method.noWait {
                self.send(QueueDeclareOk(queue: method.queue, messageCount: 0, consumerCount: 1), channel)
            }
            return
        }
        let id: QueueID
        if method.passive {
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
                consumerCount: UInt32(clamping: self.queues[id].consumers.count)
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
        if let id = self.vhosts[vhost].queues[name] {
            try self.checkEquivalence(id, method, isDurable, owner)
            return id
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
            if !isDurable, !method.exclusive { throw invalid("non-durable") }
            if method.exclusive { throw invalid("exclusive-owner") }
            if method.autoDelete { throw invalid("auto-delete") }
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
        let type = method.arguments["x-queue-type"]?.stringValue ?? "classic"
        if type != queue.options.kind.rawValue {
            throw ArgumentText.inequivalent(
                "x-queue-type",
                thing,
                received: "'\(type)'",
                current: "'\(queue.options.kind)'"
            )
        }
        for key in QueueOptions.equivalent {
            let difference = ArgumentText.difference(
                key,
                thing,
                current: queue.arguments,
                received: method.arguments
            )
            if let difference { throw difference }
        }
    }

    mutating func purge(_ method: QueuePurge, _ channel: ChannelRef) throws(Refusal) {
        let id = try self.queue(try self.queueName(method.queue, channel), channel)
        self.expire(id)
        let purged = self.queues[id].ready.removeAll().count
        self.counts.purged += purged
        if !method.noWait { self.send(QueuePurgeOk(messageCount: UInt32(clamping: purged)), channel) }
    }

    mutating func delete(_ method: QueueDelete, _ channel: ChannelRef) throws(Refusal) {
        let name = try self.queueName(method.queue, channel)
        let vhost = self.vhosts[self.connections[channel.connection].vhost]
        var found: QueueID?
        if let id = vhost.queues[name] {
            try self.checkOwner(id, channel)
            self.expire(id)
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
        for consumer in self.queues[id].removeConsumers() {
            let channel = consumer.channel
            self.connections[channel.connection].channels[channel.number]?.consumers[consumer.tag] = nil
            if self.connections[channel.connection].can("consumer_cancel_notify") {
                self.send(BasicCancel(consumerTag: consumer.tag, noWait: true), channel)
            }
        }
        self.expire(id)
        self.counts.purged += self.queues[id].ready.count + self.queues[id].unacked
        let (vhost, name) = (self.queues[id].vhost, self.queues[id].name)
        self.queues.remove(id)
        self.vhosts[vhost].queues[name] = nil
        self.vhosts[vhost].forget(.queue(id))
    }

    /// The last consumer of a queue that deletes itself is gone.
    mutating func deleteIfUnused(_ id: QueueID) {
        guard self.queues.contains(id), self.queues[id].isAutoDelete, self.queues[id].consumers.isEmpty else { return }
        self.deleteQueue(id)
    }
}
