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
    /// Declares an exchange (AMQP 0-9-1 §1.6.2.1).
    ///
    /// Blocks for one round trip, like every call here.
    ///
    /// - Throws: 406 if one with other settings exists, 404 if `passive` and there is none; the channel ends with both.
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

    /// Deletes an exchange (AMQP 0-9-1 §1.6.2.3).
    public func deleteExchange(_ name: String, ifUnused: Bool = false) throws(AMQPError) {
        _ = try self.request(ExchangeDelete(exchange: name, ifUnused: ifUnused), expecting: .exchangeDeleteOk)
    }

    /// Routes from one exchange to another (RabbitMQ's `exchange.bind`).
    public func bindExchange(
        _ destination: String,
        to source: String,
        routingKey: String = "",
        arguments: FieldTable = FieldTable()
    ) throws(AMQPError) {
        _ = try self.request(
            ExchangeBind(destination: destination, source: source, routingKey: routingKey, arguments: arguments),
            expecting: .exchangeBindOk
        )
    }

    /// Undoes ``bindExchange(_:to:routingKey:arguments:)``.
    public func unbindExchange(
        _ destination: String,
        from source: String,
        routingKey: String = "",
        arguments: FieldTable = FieldTable()
    ) throws(AMQPError) {
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

    /// Routes from an exchange to a queue (AMQP 0-9-1 §1.7.2.3).
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

    /// Undoes ``bindQueue(_:to:routingKey:arguments:)``.
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

    /// Drops every ready message of a queue; gives their number (AMQP 0-9-1 §1.7.2.7).
    @discardableResult
    public func purgeQueue(_ name: String) throws(AMQPError) -> Int {
        let reply = try self.request(QueuePurge(queue: name), expecting: .queuePurgeOk)
        guard case .reply(.queuePurgeOk(let ok)) = reply else { throw Self.wrongReply(.queuePurge, self.number) }
        return Int(ok.messageCount)
    }

    /// Deletes a queue.
    ///
    /// Gives the number of messages lost with it. A missing one is no error on RabbitMQ (C60).
    @discardableResult
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
