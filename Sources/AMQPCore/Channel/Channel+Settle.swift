import AMQPWire

extension Channel {
    /// How many acks may wait to become one frame: 1 (the default) sends a frame for each.
    ///
    /// Fewer go out before the channel waits, and within a tenth of a second in any case.
    ///
    /// - Parameter size: 1 or more.
    public func batchAcks(_ size: Int) { self.lane.ackLine.setBatch(size) }

    /// Deliveries given out on this channel and not settled.
    public var unsettledCount: Int { self.lane.ackLine.outstanding }

    /// Acks and refusals that were never sent, because the channel of their delivery had ended (C54).
    ///
    /// Either the delivery belongs to an earlier channel, or this one ended before they went out. The broker gives
    /// those messages out again.
    public var droppedAckCount: Int { self.acksAfterEnd + self.lane.ackLine.unsentAtEnd }

    /// Acks that the owner gave while the channel was open and that were not sent when it ended.
    package var unsentAckCount: Int { self.lane.ackLine.unsentAtEnd }

    /// Acknowledges one delivery.
    ///
    /// The frame goes out before the channel waits next, with the next flush, or within a tenth of a second.
    ///
    /// AMQP 0-9-1 §1.8.3.13 `basic.ack`, C53, C54. The ack of a delivery of an earlier channel is dropped quietly and
    /// counted in ``droppedAckCount``: the broker gives the message out again.
    ///
    /// - Throws: `.refusedLocally` for a delivery that is settled already, or that came on another channel which is open;
    ///   sent, it would cost the channel. Why the channel ended.
    public func ack(_ delivery: Delivery) throws(AMQPError) {
        guard try self.isOwn(delivery, .basicAck) else { return }
        try self.settled(self.lane.ackLine.ack(delivery.deliveryTag), delivery.deliveryTag, .basicAck)
    }

    /// Acknowledges every delivery up to this one that is not settled yet.
    ///
    /// AMQP 0-9-1 §1.8.3.13 `basic.ack` with `multiple=1`. It goes out, and is dropped, as ``ack(_:)`` is.
    ///
    /// - Throws: `.refusedLocally` as ``ack(_:)``; why the channel ended.
    public func ackAll(upTo delivery: Delivery) throws(AMQPError) {
        guard try self.isOwn(delivery, .basicAck) else { return }
        let count = self.lane.ackLine.ackAll(upTo: delivery.deliveryTag)
        try self.settled(count != nil, delivery.deliveryTag, .basicAck)
    }

    /// Gives a delivery back; new brokers do not count it as a failure.
    ///
    /// RabbitMQ's `basic.nack`, C53, always for one delivery. It goes out, and is dropped, as ``ack(_:)`` is.
    ///
    /// - Parameters:
    ///   - delivery: One of this channel.
    ///   - requeue: Whether the queue gives it out again; else it goes to the queue's dead-letter target.
    /// - Throws: `.refusedLocally` as ``ack(_:)``, or if the broker says that it has no nack (C5); why the channel ended.
    public func nack(_ delivery: Delivery, requeue: Bool) throws(AMQPError) {
        guard try self.isOwn(delivery, .basicNack) else { return }
        if self.server.lacksNack { try self.server.require(.nack, for: .basicNack, advice: "Use reject.") }
        try self.settled(
            self.lane.ackLine.nack(delivery.deliveryTag, requeue: requeue),
            delivery.deliveryTag,
            .basicNack
        )
    }

    /// Refuses a delivery; new brokers count it as a failure.
    ///
    /// AMQP 0-9-1 §1.8.3.14 `basic.reject`, C53. It goes out, and is dropped, as ``ack(_:)`` is.
    ///
    /// - Parameters:
    ///   - delivery: One of this channel.
    ///   - requeue: Whether the queue gives it out again; else it goes to the queue's dead-letter target.
    /// - Throws: `.refusedLocally` as ``ack(_:)``; why the channel ended.
    public func reject(_ delivery: Delivery, requeue: Bool) throws(AMQPError) {
        guard try self.isOwn(delivery, .basicReject) else { return }
        try self.settled(
            self.lane.ackLine.reject(delivery.deliveryTag, requeue: requeue),
            delivery.deliveryTag,
            .basicReject
        )
    }

    /// Whether the delivery came on this channel; counts it if its channel has ended.
    ///
    /// - Throws: `.refusedLocally` if it came on another one that is open.
    private func isOwn(_ delivery: Delivery, _ method: MethodID) throws(AMQPError) -> Bool {
        if delivery.line === self.lane.ackLine { return true }
        try delivery.throwIfOpenElsewhere(method)
        self.acksAfterEnd += 1
        return false
    }

    private func settled(_ accepted: Bool, _ tag: UInt64, _ method: MethodID) throws(AMQPError) {
        if accepted { return }
        if let reason = self.endReason {
            self.acksAfterEnd += 1
            throw reason
        }
        // Ended a moment ago, and the reason is not here yet: the broker gives the delivery out again (C54).
        if self.lane.ackLine.hasEnded {
            self.acksAfterEnd += 1
            return
        }
        let text =
            "delivery tag \(tag) is not outstanding on channel \(self.number): settled before, or never given out"
        throw AMQPError(.refusedLocally, scope: .call, text: text, method: method)
    }

    // MARK: For a worker, by tag

    @inline(__always)
    package func ack(tag: UInt64) -> Bool { self.lane.ackLine.ack(tag) }
    /// A broker without `basic.nack` gets a `basic.reject`.
    package func nack(tag: UInt64, requeue: Bool) -> Bool {
        if self.server.lacksNack { return self.reject(tag: tag, requeue: requeue) }
        return self.lane.ackLine.nack(tag, requeue: requeue)
    }
    /// Gives many deliveries back: what has nothing else unsettled below it with one frame.
    ///
    /// - Parameter tags: In any order; what is not outstanding is left out.
    /// - Returns: How many were outstanding.
    package func giveBack(tags: [UInt64]) -> Int {
        if self.server.lacksNack { return tags.count { self.reject(tag: $0, requeue: true) } }
        return self.lane.ackLine.nack(tags, requeue: true)
    }
    /// Acks, nacks and rejects that were made so far, each for one delivery or many.
    package var settlingFrames: UInt64 { self.lane.ackLine.frameCount }
    package func reject(tag: UInt64, requeue: Bool) -> Bool { self.lane.ackLine.reject(tag, requeue: requeue) }
}
