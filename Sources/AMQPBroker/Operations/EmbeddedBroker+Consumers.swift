import AMQPWire

extension EmbeddedBroker {
    mutating func limit(_ qos: BasicQos, _ channel: ChannelRef) throws(Refusal) {
        let (id, number) = (channel.connection, channel.number)
        guard qos.prefetchSize == 0 else {
            throw .connection(.notImplemented, "prefetch_size!=0 (\(qos.prefetchSize))")
        }
        if qos.global, self.settings.profile.hasChannelPrefetch {
            self.connections[id].channels[number]?.share(prefetch: Int(qos.prefetchCount))
            self.send(BasicQosOk(), channel)
            self.dispatchAll(of: channel)
        } else {
            // It ends the one for the whole channel.
            self.connections[id].channels[number]?.share(prefetch: 0)
            self.connections[id].channels[number]?.prefetch = Int(qos.prefetchCount)
            self.send(BasicQosOk(), channel)
            self.dispatchAll(of: channel)
        }
    }

    /// There may be room again on the channel.
    mutating func dispatchAll(of channel: ChannelRef) {
        let consumers = self.connections[channel.connection].channels[channel.number]?.consumers ?? [:]
        for (_, queue) in consumers.sorted(by: { $0.key < $1.key }) { self.dispatch(queue) }
    }

    mutating func consume(_ method: BasicConsume, _ channel: ChannelRef) throws(Refusal) {
        let (connection, number) = (channel.connection, channel.number)
        guard let machine = self.connections[connection].channels[number] else { return }
        let named = try self.queueName(method.queue, channel)
        if machine.consumers[method.consumerTag] != nil {
            throw .connection(.notAllowed, "attempt to reuse consumer tag '\(method.consumerTag)'")
        }
        if named == Self.replyQueue { return try self.consumeReplies(method, channel) }
        try self.check(.read, queue: named, channel)
        let id = try self.queue(named, channel)
        let name = self.queues[id].name
        let thing = Named.queue(name, self.vhostName(connection))
        let reader = ArgumentReader(arguments: method.arguments, thing: thing)
        if let value = method.arguments["x-priority"], value.intValue == nil {
            throw reader.invalid("x-priority", "\"expected integer, got \(ArgumentText.type(value))\"")
        }
        let timeout = try self.queues[id].options.consumerTimeout(of: reader, self.settings.profile)
        let others = !self.queues[id].consumers.isEmpty
        let isSingle = self.queues[id].options.isSingleActive
        if self.queues[id].hasExclusiveConsumer || method.exclusive && (others || isSingle) {
            throw .channel(.accessRefused, "\(thing) in exclusive use")
        }
        if self.queues[id].options.kind == .quorum, machine.shared.isSet {
            throw .connection(.notImplemented, "\(thing) does not support global qos")
        }
        let tag = method.consumerTag.isEmpty ? self.names.next("amq.ctag") : method.consumerTag
        self.lastConsumer += 1
        self.queues[id].add(
            QueueConsumer(
                id: self.lastConsumer,
                channel: channel,
                tag: tag,
                takesWithoutAck: method.noAck,
                isExclusive: method.exclusive,
                priority: method.arguments["x-priority"]?.intValue ?? 0,
                limit: machine.prefetch,
                timeout: timeout
            )
        )
        self.connections[connection].channels[number]?.consumers[tag] = id
        if !method.noWait { self.send(BasicConsumeOk(consumerTag: tag), channel) }
        self.dispatch(id)
    }

    mutating func cancel(_ method: BasicCancel, _ channel: ChannelRef) {
        let (connection, number) = (channel.connection, channel.number)
        _ = self.cancelReplies(method.consumerTag, channel)
        let queue = self.connections[connection].channels[number]?.consumers.removeValue(forKey: method.consumerTag)
        if !method.noWait { self.send(BasicCancelOk(consumerTag: method.consumerTag), channel) }
        guard let queue, self.queues.contains(queue) else { return }
        self.queues[queue].removeConsumer(method.consumerTag, of: channel)
        self.queues[queue].usedAt = self.now
        self.deleteIfUnused(queue)
        self.dispatch(queue)
    }
}
