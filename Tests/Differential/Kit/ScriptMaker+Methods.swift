import AMQPWire

extension ScriptMaker {
    /// A method of a kind, for a channel.
    mutating func method(_ kind: Kind, _ connection: Int, _ channel: UInt16) -> Method {
        let queue = self.draw.pick(self.queues)
        switch kind {
        case .get: return .basicGet(BasicGet(queue: self.mostly(queue), noAck: self.draw.one(in: 3)))
        case .ack:
            return .basicAck(BasicAck(deliveryTag: self.tag(connection, channel), multiple: self.draw.one(in: 3)))
        case .nack:
            return .basicNack(
                BasicNack(
                    deliveryTag: self.tag(connection, channel),
                    multiple: self.draw.one(in: 3),
                    requeue: self.draw.flip()
                )
            )
        case .reject:
            return .basicReject(BasicReject(deliveryTag: self.tag(connection, channel), requeue: self.draw.flip()))
        case .recover:
            return self.draw.one(in: 4)
                ? .basicRecoverAsync(BasicRecoverAsync(requeue: true)) : .basicRecover(BasicRecover(requeue: true))
        case .qos:
            return .basicQos(BasicQos(prefetchCount: UInt16(self.draw.below(4)), global: self.draw.one(in: 3)))
        case .cancel:
            return .basicCancel(BasicCancel(consumerTag: self.consumerTag(), noWait: self.draw.one(in: 8)))
        case .purge: return .queuePurge(QueuePurge(queue: self.mostly(queue), noWait: self.draw.one(in: 8)))
        case .deleteQueue:
            return .queueDelete(
                QueueDelete(
                    queue: self.mostly(queue),
                    ifUnused: self.draw.one(in: 3),
                    ifEmpty: self.draw.one(in: 3),
                    noWait: self.draw.one(in: 8)
                )
            )
        case .declareQueue: return self.declaration(of: queue, odd: true)
        case .confirm: return .confirmSelect(ConfirmSelect(noWait: self.draw.one(in: 8)))
        case .transaction: return .txSelect(TxSelect())
        case .commit: return self.draw.one(in: 3) ? .txRollback(TxRollback()) : .txCommit(TxCommit())
        case .closeChannel: return .channelClose(ChannelClose(replyCode: 200, replyText: ""))
        case .offend: return self.offence(queue)
        default: return self.topology(kind, queue)
        }
    }

    private mutating func topology(_ kind: Kind, _ queue: String) -> Method {
        let exchange = self.anyExchange()
        switch kind {
        case .declareExchange: return self.declaration(ofExchange: self.draw.pick(self.exchanges), odd: true)
        case .deleteExchange:
            return .exchangeDelete(ExchangeDelete(exchange: exchange, ifUnused: self.draw.one(in: 3)))
        case .bind: return .queueBind(self.binding(self.mostly(queue), exchange))
        case .unbind:
            let bind = self.binding(self.mostly(queue), exchange)
            return .queueUnbind(
                QueueUnbind(
                    queue: bind.queue,
                    exchange: bind.exchange,
                    routingKey: bind.routingKey,
                    arguments: bind.arguments
                )
            )
        default:
            // What leads from one that is always there to another would stay there.
            let other = self.anyExchange()
            let destination = other.hasPrefix("amq.") && exchange.hasPrefix("amq.") ? self.exchanges[0] : other
            let key = self.key()
            let arguments = self.draw.one(in: 4) ? self.bindingArguments() : [:]
            if self.draw.one(in: 4) {
                return .exchangeUnbind(
                    ExchangeUnbind(
                        destination: destination,
                        source: exchange,
                        routingKey: key,
                        arguments: arguments
                    )
                )
            }
            return .exchangeBind(
                ExchangeBind(destination: destination, source: exchange, routingKey: key, arguments: arguments)
            )
        }
    }

    /// Now and then the one declared last, or one that is not there.
    private mutating func mostly(_ queue: String) -> String {
        self.draw.pick(by: [(14, queue), (1, ""), (1, self.prefix + "none")])
    }

    mutating func consumerTag() -> String { self.draw.pick(["c1", "c2", "c3", "c4", "c5", "c6"]) }

    mutating func consume(_ queue: String) -> Method {
        let arguments: FieldTable = self.draw.pick(by: [
            (8, [:]), (2, ["x-priority": .int32(Int32(self.draw.below(3)))]), (1, ["x-priority": "high"]),
            (1, ["x-priority": -1]),
        ])
        return .basicConsume(
            BasicConsume(
                queue: self.mostly(queue),
                consumerTag: self.draw.pick(by: [(12, self.consumerTag()), (1, "")]),
                noLocal: self.draw.one(in: 8),
                noAck: self.draw.one(in: 4),
                exclusive: self.draw.one(in: 6),
                noWait: self.draw.one(in: 12),
                arguments: arguments
            )
        )
    }

    /// What ends a connection.
    private mutating func offence(_ queue: String) -> Method {
        self.draw.pick([
            .channelFlow(ChannelFlow(active: false)), .basicRecover(BasicRecover(requeue: false)),
            .basicQos(BasicQos(prefetchSize: 1, prefetchCount: 1)), .channelOpen(ChannelOpen()),
            .basicCancelOk(BasicCancelOk(consumerTag: "c1")),
            .queueDeclareOk(QueueDeclareOk(queue: "q", messageCount: 0, consumerCount: 0)),
            .basicQosOk(BasicQosOk()), .exchangeDeclare(ExchangeDeclare(exchange: self.prefix + "e", type: "odd")),
            .exchangeDeclare(ExchangeDeclare(exchange: self.prefix + "e", type: "")),
            .basicPublish(BasicPublish(routingKey: queue, immediate: true)),
        ])
    }
}
