import AMQPWire

extension EmbeddedBroker {
    private func exchange(_ name: String, _ vhost: VirtualHost) throws(Refusal) -> Exchange {
        if name.isEmpty { throw .defaultExchange }
        guard let exchange = vhost.exchanges[name] else { throw .noExchange(name, vhost.name) }
        return exchange
    }

    mutating func declare(_ method: ExchangeDeclare, _ channel: ChannelRef) throws(Refusal) {
        let place = self.connections[channel.connection].vhost
        let vhost = self.vhosts[place].name
        if method.passive {
            if self.settings.profile.checksPassiveDeclarations {
                try self.check(.configure, exchange: method.exchange, channel)
            }
            _ = try self.exchange(method.exchange, self.vhosts[place])
        } else {
            let kind = try self.kind(method.type)
            if method.exchange.isEmpty { throw .defaultExchange }
            try self.check(.configure, exchange: method.exchange, channel)
            if let exchange = self.vhosts[place].exchanges[method.exchange] {
                try Self.checkEquivalence(exchange, method, vhost)
            } else {
                if method.exchange.hasPrefix("amq.") { throw .reserved("exchange", method.exchange) }
                let thing = Named.exchange(method.exchange, vhost)
                if let alternate = try ArgumentReader(arguments: method.arguments, thing: thing)
                    .name("alternate-exchange")
                {
                    try self.check(.read, exchange: method.exchange, channel)
                    try self.check(.write, exchange: alternate, channel)
                }
                self.vhosts[place].exchanges[method.exchange] = Exchange(
                    name: method.exchange,
                    kind: kind,
                    isDurable: method.durable,
                    isAutoDelete: method.autoDelete,
                    isInternal: method.internal,
                    arguments: method.arguments
                )
            }
        }
        if !method.noWait { self.send(ExchangeDeclareOk(), channel) }
    }

    private func kind(_ type: String) throws(Refusal) -> Exchange.Kind {
        if let kind = Exchange.Kind(rawValue: type) { return kind }
        let text = "\(type.isEmpty ? "invalid" : "unknown") exchange type '\(type)'"
        guard self.settings.profile.unknownExchangeTypeEndsConnection else { throw .channel(.preconditionFailed, text) }
        throw .connection(.commandInvalid, text)
    }

    private static func checkEquivalence(
        _ exchange: Exchange,
        _ method: ExchangeDeclare,
        _ vhost: String
    ) throws(Refusal) {
        let thing = Named.exchange(exchange.name, vhost)
        for (key, current, received) in [
            ("type", exchange.kind.rawValue, method.type), ("durable", "\(exchange.isDurable)", "\(method.durable)"),
            ("auto_delete", "\(exchange.isAutoDelete)", "\(method.autoDelete)"),
            ("internal", "\(exchange.isInternal)", "\(method.internal)"),
        ] where current != received {
            throw ArgumentText.inequivalent(key, thing, received: "'\(received)'", current: "'\(current)'")
        }
        let difference = ArgumentText.difference(
            "alternate-exchange",
            thing,
            current: exchange.arguments,
            received: method.arguments
        )
        if let difference { throw difference }
    }

    mutating func delete(_ method: ExchangeDelete, _ channel: ChannelRef) throws(Refusal) {
        let place = self.connections[channel.connection].vhost
        let thing = Named.exchange(method.exchange, self.vhosts[place].name)
        if method.exchange.isEmpty { throw .defaultExchange }
        if method.exchange.hasPrefix("amq.") {
            throw .channel(.accessRefused, "deletion of system \(thing) not allowed")
        }
        try self.check(.configure, exchange: method.exchange, channel)
        if let exchange = self.vhosts[place].exchanges[method.exchange] {
            if method.ifUnused, !exchange.bindings.isEmpty {
                throw .channel(.preconditionFailed, "\(thing) in use")
            }
            self.vhosts[place].exchanges[method.exchange] = nil
            self.vhosts[place].forget(.exchange(method.exchange))
        }
        if !method.noWait { self.send(ExchangeDeleteOk(), channel) }
    }

    // MARK: Bindings

    mutating func bind(_ method: QueueBind, _ channel: ChannelRef) throws(Refusal) {
        let (binding, place) = try self.binding(
            method.queue,
            method.exchange,
            method.routingKey,
            method.arguments,
            channel
        )
        self.vhosts[place].exchanges[method.exchange]?.bind(binding)
        if !method.noWait { self.send(QueueBindOk(), channel) }
    }

    /// What is not there is not bound either.
    mutating func unbind(_ method: QueueUnbind, _ channel: ChannelRef) throws(Refusal) {
        let place = self.connections[channel.connection].vhost
        let name = try self.queueName(method.queue, channel)
        let key = method.queue.isEmpty && method.routingKey.isEmpty ? name : method.routingKey
        try self.check(.write, queue: name, channel)
        if method.exchange.isEmpty { throw .defaultExchange }
        try self.check(.read, exchange: method.exchange, channel)
        if let id = self.vhosts[place].queues[name] {
            let binding = Binding(destination: .queue(id), key: key, arguments: method.arguments)
            // Whose the queue is matters where there is something to take away.
            let isBound = self.vhosts[place].exchanges[method.exchange]?.bindings.contains(binding) == true
            if isBound { try self.checkOwner(id, channel) }
            self.unbind(binding, from: method.exchange, place)
        }
        self.send(QueueUnbindOk(), channel)
    }

    private func binding(
        _ queue: String,
        _ exchange: String,
        _ key: String,
        _ arguments: FieldTable,
        _ channel: ChannelRef
    ) throws(Refusal) -> (Binding, Int) {
        let place = self.connections[channel.connection].vhost
        let name = try self.queueName(queue, channel)
        let key = queue.isEmpty && key.isEmpty ? name : key
        try self.check(.write, queue: name, channel)
        if exchange.isEmpty { throw .defaultExchange }
        try self.check(.read, exchange: exchange, channel)
        let found = try self.exchange(exchange, self.vhosts[place])
        guard let id = self.vhosts[place].queues[name] else { throw .noQueue(name, self.vhosts[place].name) }
        try Self.check(arguments, of: found)
        try self.checkOwner(id, channel)
        return (Binding(destination: .queue(id), key: key, arguments: arguments), place)
    }

    private static func check(_ arguments: FieldTable, of exchange: Exchange) throws(Refusal) {
        guard exchange.kind == .headers, let mode = arguments["x-match"] else { return }
        guard let text = mode.stringValue else {
            throw .channel(
                .preconditionFailed,
                "Invalid x-match field type \(ArgumentText.type(mode)) (value \(ArgumentText.value(mode))); expected longstr"
            )
        }
        guard HeadersMatch.modes.contains(text) else {
            throw .channel(
                .preconditionFailed,
                "Invalid x-match field value <<\"\(text)\">>; expected all, any, all-with-x, or any-with-x"
            )
        }
    }

    private mutating func unbind(_ binding: Binding, from exchange: String, _ place: Int) {
        if self.vhosts[place].exchanges[exchange]?.removeBindings(where: { $0 == binding }) == true {
            self.vhosts[place].deleteIfUnused(exchange)
        }
    }

    private func checkBinding(
        _ destination: String,
        from source: String,
        _ channel: ChannelRef
    ) throws(Refusal) {
        try self.check(.write, exchange: destination, channel)
        if source.isEmpty || destination.isEmpty { throw .defaultExchange }
        try self.check(.read, exchange: source, channel)
    }

    mutating func bind(_ method: ExchangeBind, _ channel: ChannelRef) throws(Refusal) {
        let place = self.connections[channel.connection].vhost
        try self.checkBinding(method.destination, from: method.source, channel)
        let source = try self.exchange(method.source, self.vhosts[place])
        _ = try self.exchange(method.destination, self.vhosts[place])
        try Self.check(method.arguments, of: source)
        self.vhosts[place].exchanges[method.source]?
            .bind(
                Binding(
                    destination: .exchange(method.destination),
                    key: method.routingKey,
                    arguments: method.arguments
                )
            )
        if !method.noWait { self.send(ExchangeBindOk(), channel) }
    }

    mutating func unbind(_ method: ExchangeUnbind, _ channel: ChannelRef) throws(Refusal) {
        let place = self.connections[channel.connection].vhost
        try self.checkBinding(method.destination, from: method.source, channel)
        let binding = Binding(
            destination: .exchange(method.destination),
            key: method.routingKey,
            arguments: method.arguments
        )
        self.unbind(binding, from: method.source, place)
        if !method.noWait { self.send(ExchangeUnbindOk(), channel) }
    }
}
