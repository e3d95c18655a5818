public import AMQPWire

/// What `queue.declare-ok` says.
public struct QueueStatus: Sendable, Equatable {
    /// The name, made by the broker if none was asked for (C60).
    public let name: String
    /// Messages ready to be given out.
    public let messageCount: Int
    /// Consumers on all connections.
    public let consumerCount: Int
}

extension Channel {
    /// Declares an exchange, or with `passive` looks for one.
    ///
    /// Blocks for one round trip, like every call here.
    ///
    /// AMQP 0-9-1 §1.6.2.1 `exchange.declare`.
    ///
    /// - Parameters:
    ///   - name: At most 255 octets; names that begin with `amq.` are the broker's.
    ///   - type: `direct`, `fanout`, `topic`, `headers`, or one of a plugin.
    ///   - passive: Only look whether it is there.
    ///   - durable: It survives a restart of the broker.
    ///   - autoDelete: It ends with its last binding.
    ///   - isInternal: Only other exchanges may publish to it.
    ///   - arguments: For instance `alternate-exchange`.
    /// - Throws: 406 if one with other settings exists, 404 if `passive` and there is none, 403 without the permission;
    ///   the channel ends with each. An unknown type ends the connection on older brokers (503). Why the channel ended;
    ///   `.timeout`, and then the channel is closed (C63).
    @available(*, noasync, message: "it blocks its thread")
    public func declareExchange(
        _ name: String,
        type: String = "direct",
        passive: Bool = false,
        durable: Bool = true,
        autoDelete: Bool = false,
        internal isInternal: Bool = false,
        arguments: FieldTable = FieldTable()
    ) throws(AMQPError) {
        _ = try self.request(
            ExchangeDeclare(
                exchange: name,
                type: type,
                passive: passive,
                durable: durable,
                autoDelete: autoDelete,
                internal: isInternal,
                arguments: arguments
            ),
            expecting: .exchangeDeclareOk
        )
    }

    /// Deletes an exchange with its bindings; a missing one is no error on RabbitMQ.
    ///
    /// Blocks for one round trip.
    ///
    /// AMQP 0-9-1 §1.6.2.3 `exchange.delete`.
    ///
    /// - Parameters:
    ///   - name: The exchange.
    ///   - ifUnused: Only if nothing is bound to it.
    /// - Throws: 406 if it is in use and `ifUnused` was asked for, 403 for one of the broker's own; the channel ends with
    ///   each. Why the channel ended; `.timeout`, and then the channel is closed (C63).
    @available(*, noasync, message: "it blocks its thread")
    public func deleteExchange(_ name: String, ifUnused: Bool = false) throws(AMQPError) {
        _ = try self.request(ExchangeDelete(exchange: name, ifUnused: ifUnused), expecting: .exchangeDeleteOk)
    }

    /// Routes from one exchange to another.
    ///
    /// Blocks for one round trip. The same binding again is no error.
    ///
    /// RabbitMQ's `exchange.bind`, an extension of AMQP 0-9-1.
    ///
    /// - Parameters:
    ///   - destination: Gets the messages.
    ///   - source: Gives them.
    ///   - routingKey: What the source's type makes of it; at most 255 octets.
    ///   - arguments: For a `headers` exchange: what to match.
    /// - Throws: 404 if one of them is missing, 403 without the permission; the channel ends with each. `.refusedLocally`
    ///   if the broker says that it has no such bindings (C5). Why the channel ended; `.timeout`, and then the channel is
    ///   closed (C63).
    @available(*, noasync, message: "it blocks its thread")
    public func bindExchange(
        _ destination: String,
        to source: String,
        routingKey: String = "",
        arguments: FieldTable = FieldTable()
    ) throws(AMQPError) {
        try self.server.require(.exchangeBindings, for: .exchangeBind)
        _ = try self.request(
            ExchangeBind(destination: destination, source: source, routingKey: routingKey, arguments: arguments),
            expecting: .exchangeBindOk
        )
    }

    /// Undoes ``bindExchange(_:to:routingKey:arguments:)``; a binding that is not there is no error on RabbitMQ.
    ///
    /// Blocks for one round trip.
    ///
    /// RabbitMQ's `exchange.unbind`, an extension of AMQP 0-9-1.
    ///
    /// - Parameters:
    ///   - destination: As it was bound.
    ///   - source: As it was bound.
    ///   - routingKey: As it was bound.
    ///   - arguments: As they were bound.
    /// - Throws: As ``bindExchange(_:to:routingKey:arguments:)``.
    @available(*, noasync, message: "it blocks its thread")
    public func unbindExchange(
        _ destination: String,
        from source: String,
        routingKey: String = "",
        arguments: FieldTable = FieldTable()
    ) throws(AMQPError) {
        try self.server.require(.exchangeBindings, for: .exchangeUnbind)
        _ = try self.request(
            ExchangeUnbind(destination: destination, source: source, routingKey: routingKey, arguments: arguments),
            expecting: .exchangeUnbindOk
        )
    }

    /// Declares a queue, or with `passive` looks at one (AMQP 0-9-1 §1.7.2.1, C60).
    ///
    /// - Parameters:
    ///   - name: Empty to have the broker make one up.
    ///   - passive: Only look whether it is there.
    ///   - durable: It survives a restart of the broker.
    ///   - exclusive: It belongs to this connection and ends with it.
    ///   - autoDelete: It ends with its last consumer.
    ///   - arguments: For instance `x-queue-type`.
    /// - Returns: Its name and how full it is.
    /// - Throws: 404 for a missing one if `passive`, 405 for another connection's exclusive one, 406 for one with other
    ///   settings; the channel ends with each.
    @available(*, noasync, message: "it blocks its thread")
    public func declareQueue(
        _ name: String,
        passive: Bool = false,
        durable: Bool = true,
        exclusive: Bool = false,
        autoDelete: Bool = false,
        arguments: FieldTable = FieldTable()
    ) throws(AMQPError) -> QueueStatus {
        let reply = try self.request(
            QueueDeclare(
                queue: name,
                passive: passive,
                durable: durable,
                exclusive: exclusive,
                autoDelete: autoDelete,
                arguments: arguments
            ),
            expecting: .queueDeclareOk
        )
        guard case .reply(.queueDeclareOk(let ok)) = reply else { throw Self.wrongReply(.queueDeclare, self.number) }
        return QueueStatus(
            name: ok.queue,
            messageCount: Int(ok.messageCount),
            consumerCount: Int(ok.consumerCount)
        )
    }

    static func wrongReply(_ method: MethodID, _ number: UInt16) -> AMQPError {
        AMQPError(.protocolViolation, scope: .channel(number), text: "an answer of another kind", method: method)
    }

    /// Routes from an exchange to a queue.
    ///
    /// Blocks for one round trip. The same binding again is no error.
    ///
    /// AMQP 0-9-1 §1.7.2.3 `queue.bind`.
    ///
    /// - Parameters:
    ///   - queue: Gets the messages.
    ///   - exchange: Gives them; not the default one, which has every queue bound by its name.
    ///   - routingKey: What the exchange's type makes of it; at most 255 octets.
    ///   - arguments: For a `headers` exchange: what to match.
    /// - Throws: 404 if one of them is missing, 403 without the permission or for the default exchange, 405 for another
    ///   connection's exclusive queue; the channel ends with each. Why the channel ended; `.timeout`, and then the channel
    ///   is closed (C63).
    @available(*, noasync, message: "it blocks its thread")
    public func bindQueue(
        _ queue: String,
        to exchange: String,
        routingKey: String = "",
        arguments: FieldTable = FieldTable()
    ) throws(AMQPError) {
        _ = try self.request(
            QueueBind(queue: queue, exchange: exchange, routingKey: routingKey, arguments: arguments),
            expecting: .queueBindOk
        )
    }

    /// Undoes ``bindQueue(_:to:routingKey:arguments:)``; a binding that is not there is no error on RabbitMQ.
    ///
    /// Blocks for one round trip.
    ///
    /// AMQP 0-9-1 §1.7.2.5 `queue.unbind`.
    ///
    /// - Parameters:
    ///   - queue: As it was bound.
    ///   - exchange: As it was bound.
    ///   - routingKey: As it was bound.
    ///   - arguments: As they were bound.
    /// - Throws: As ``bindQueue(_:to:routingKey:arguments:)``.
    @available(*, noasync, message: "it blocks its thread")
    public func unbindQueue(
        _ queue: String,
        from exchange: String,
        routingKey: String = "",
        arguments: FieldTable = FieldTable()
    ) throws(AMQPError) {
        _ = try self.request(
            QueueUnbind(queue: queue, exchange: exchange, routingKey: routingKey, arguments: arguments),
            expecting: .queueUnbindOk
        )
    }

    /// Drops every ready message of a queue; what is given out and unsettled stays.
    ///
    /// Blocks for one round trip.
    ///
    /// AMQP 0-9-1 §1.7.2.7 `queue.purge`.
    ///
    /// - Parameter name: The queue.
    /// - Returns: How many messages were dropped.
    /// - Throws: 404 for a missing queue, 405 for another connection's exclusive one; the channel ends with each. Why the
    ///   channel ended; `.timeout`, and then the channel is closed (C63).
    @discardableResult
    @available(*, noasync, message: "it blocks its thread")
    public func purgeQueue(_ name: String) throws(AMQPError) -> Int {
        let reply = try self.request(QueuePurge(queue: name), expecting: .queuePurgeOk)
        guard case .reply(.queuePurgeOk(let ok)) = reply else { throw Self.wrongReply(.queuePurge, self.number) }
        return Int(ok.messageCount)
    }

    /// Deletes a queue with its messages and bindings; its consumers end (C56).
    ///
    /// A missing one is no error on RabbitMQ (C60). Blocks for one round trip.
    ///
    /// AMQP 0-9-1 §1.7.2.9 `queue.delete`.
    ///
    /// - Parameters:
    ///   - name: The queue.
    ///   - ifUnused: Only if it has no consumer.
    ///   - ifEmpty: Only if it has no message.
    /// - Returns: How many messages were lost with it.
    /// - Throws: 406 if it is used or not empty and that was asked for, 405 for another connection's exclusive one; the
    ///   channel ends with each. Why the channel ended; `.timeout`, and then the channel is closed (C63).
    @discardableResult
    @available(*, noasync, message: "it blocks its thread")
    public func deleteQueue(
        _ name: String,
        ifUnused: Bool = false,
        ifEmpty: Bool = false
    ) throws(AMQPError) -> Int {
        let reply = try self.request(
            QueueDelete(queue: name, ifUnused: ifUnused, ifEmpty: ifEmpty),
            expecting: .queueDeleteOk
        )
        guard case .reply(.queueDeleteOk(let ok)) = reply else { throw Self.wrongReply(.queueDelete, self.number) }
        return Int(ok.messageCount)
    }
}
