public import AMQPWire

extension Channel {
    /// Limits the deliveries the broker may have out, unsettled, to each consumer started after this call.
    ///
    /// Consumers that already run keep their limit: cancel and consume again to change it (C57). Blocks for one
    /// round trip.
    ///
    /// AMQP 0-9-1 §1.8.3.1 `basic.qos`, always with `prefetch-size=0`: RabbitMQ refuses any other.
    ///
    /// - Parameters:
    ///   - count: Deliveries, 1...65,535. 0 means no limit.
    ///   - perChannel: One limit for all consumers of the channel (`global=1`); RabbitMQ 4.3 takes it for one limit each.
    ///     Since a broker may ignore it, consumers without a limit of their own are held back by the socket alone.
    /// - Throws: Why the channel ended; `.timeout`, and then the channel is closed (C63).
    @available(*, noasync, message: "it blocks its thread")
    public func prefetch(_ count: UInt16, perChannel: Bool = false) throws(AMQPError) {
        _ = try self.request(BasicQos(prefetchCount: count, global: perChannel), expecting: .basicQosOk)
        if !perChannel { self.session.prefetchCount = count }
    }

    /// Starts a consumer.
    ///
    /// Its deliveries come from ``nextDelivery(timeout:)``. Blocks for one round trip.
    ///
    /// AMQP 0-9-1 §1.8.3.3 `basic.consume`, C52.
    ///
    /// - Parameters:
    ///   - queue: An existing queue.
    ///   - tag: Empty to have the broker make one up. Two consumers of one channel can not share one. On a number that
    ///     was used before, the deliveries of its last life may still come (C37): a tag that no earlier channel had keeps
    ///     them apart for sure, so do not open one channel after the other with the same tag.
    ///   - noAck: Deliveries are settled as they are sent: what is in flight when the channel ends is lost (C58).
    ///   - exclusive: No other consumer on this queue.
    ///   - arguments: For instance `x-priority`.
    /// - Returns: The consumer's tag.
    /// - Throws: 404 for a missing queue, 403 for one that is used exclusively, 405 for another connection's; the
    ///   channel ends with each. `.refusedLocally` for a tag in use: sent, it would cost the connection (530); and for an
    ///   `x-priority`, or `amq.rabbitmq.reply-to`, if the broker says that it has no such thing (C5). Why the channel
    ///   ended; `.timeout`, and then the channel is closed (C63).
    @discardableResult
    @available(*, noasync, message: "it blocks its thread")
    public func consume(
        _ queue: String,
        tag: String = "",
        noAck: Bool = false,
        exclusive: Bool = false,
        arguments: FieldTable = FieldTable()
    ) throws(AMQPError) -> String {
        try self.throwIfEnded()
        if arguments["x-priority"] != nil { try self.server.require(.consumerPriorities, for: .basicConsume) }
        let repliesOnly = queue == "amq.rabbitmq.reply-to"
        if repliesOnly { try self.server.require(.directReplyTo, for: .basicConsume) }
        // The broker may have ended it by now (C56).
        if self.session.consumers.inUse.contains(tag) { self.pump(until: 0) }
        guard !self.session.consumers.inUse.contains(tag) else {
            let text =
                "the consumer tag '\(tag)' is in use on channel \(self.number); cancel that consumer, or take another"
            throw AMQPError(.refusedLocally, scope: .call, text: text, method: .basicConsume)
        }
        // Known before the first delivery can be looked at; deliveries wait in the mailbox until then.
        let own = noAck && tag.isEmpty ? self.session.consumers.makeTag(self.incarnation) : tag
        self.session.consumers.starting(own, noAck: noAck, repliesOnly: repliesOnly)
        if noAck || self.session.prefetchCount == 0 {
            self.boundDeliveries()
        } else {
            self.lane.mailbox.allowDeliveries(Int(self.session.prefetchCount))
        }
        let reply: ChannelEvent
        do throws(AMQPError) {
            reply = try self.request(
                BasicConsume(queue: queue, consumerTag: own, noAck: noAck, exclusive: exclusive, arguments: arguments),
                expecting: .basicConsumeOk
            )
        } catch {
            self.session.consumers.failed(own)
            throw error
        }
        guard case .reply(.basicConsumeOk(let ok)) = reply else { throw Self.wrongReply(.basicConsume, self.number) }
        // Deliveries and cancels are matched with it, octet by octet.
        guard ok.consumerTag.utf8.elementsEqual(own.utf8) || !ok.consumerTag.contains("\u{FFFD}") else {
            throw self.refuse("consume-ok with a consumer tag that is not UTF-8")
        }
        self.session.consumers.started(ok.consumerTag)
        return ok.consumerTag
    }

    /// From now on what waits for the owner holds up the reader: no prefetch bounds it.
    package func boundDeliveries() { self.lane.mailbox.boundDeliveries() }

    /// Ends a consumer.
    ///
    /// Deliveries that came before its cancel-ok can still be taken and settled (C55). Blocks for one round trip.
    ///
    /// AMQP 0-9-1 §1.8.3.5 `basic.cancel`. A tag that no consumer has is no error.
    ///
    /// - Parameter consumerTag: As ``consume(_:tag:noAck:exclusive:arguments:)`` gave it.
    /// - Throws: Why the channel ended; `.timeout`, and then the channel is closed (C63).
    @available(*, noasync, message: "it blocks its thread")
    public func cancel(_ consumerTag: String) throws(AMQPError) {
        _ = try self.request(BasicCancel(consumerTag: consumerTag), expecting: .basicCancelOk)
        self.session.consumers.ended(consumerTag)
    }

    /// Ends every consumer, before the channel is closed: the answer says that a quorum queue has written down what was
    /// settled before.
    ///
    /// That the channel has ended, or ends, is no error.
    package func cancelConsumers() {
        self.outwaitsBlocks = false
        for consumer in self.session.consumers.inUse.sorted() {
            guard (try? self.cancel(consumer)) != nil else { return }
        }
    }

    /// Takes one message out of a queue.
    ///
    /// Blocks for one round trip for each message: a consumer is many times as fast.
    ///
    /// AMQP 0-9-1 §1.8.3.10 `basic.get`, C59.
    ///
    /// - Parameters:
    ///   - queue: An existing queue.
    ///   - noAck: The message is settled as it is sent: if the channel ends on the way it is lost.
    /// - Returns: The message, or nil if the queue has none ready.
    /// - Throws: 404 for a missing queue, 403 without the permission, 405 for another connection's exclusive one; the
    ///   channel ends with each. Why the channel ended; `.timeout`, and then the channel is closed (C63).
    @available(*, noasync, message: "it blocks its thread")
    public func get(_ queue: String, noAck: Bool = false) throws(AMQPError) -> Delivery? {
        let reply = try self.request(
            BasicGet(queue: queue, noAck: noAck),
            expecting: .basicGetOk,
            or: .basicGetEmpty
        )
        guard case .got(let block, let record) = reply else { return nil }
        guard self.lane.ackLine.delivered([record]) else {
            throw self.refuse("a message of basic.get with a delivery tag that does not count up")
        }
        if noAck { self.lane.ackLine.settleWithoutFrame(record.deliveryTag) }
        return Delivery(block: block, record: record, line: self.lane.ackLine)
    }

    /// Has the broker give out again what is unsettled on this channel, under new tags.
    ///
    /// What came before and was not taken yet is dropped, since it comes again. Blocks for one round trip.
    ///
    /// AMQP 0-9-1 §1.8.3.16 `basic.recover`, C59, always with `requeue=1`: RabbitMQ refuses 0.
    ///
    /// - Throws: Why the channel ended; `.timeout`, and then the channel is closed (C63).
    @available(*, noasync, message: "it blocks its thread")
    public func recover() throws(AMQPError) {
        _ = try self.request(BasicRecover(requeue: true), expecting: .basicRecoverOk)
    }
}
