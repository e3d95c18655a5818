public import AMQPWire

extension Channel {
    /// Puts the channel in confirm mode: the broker answers every publish from now on.
    ///
    /// Blocks for one round trip.
    ///
    /// RabbitMQ's `confirm.select`, C46. Not to be mixed with ``selectTransactions()``.
    public func selectConfirms() throws(AMQPError) {
        try self.throwIfEnded()
        guard self.currentMode != .transaction else { throw Self.mixed(.confirmSelect) }
        _ = try self.request(ConfirmSelect(), expecting: .confirmSelectOk)
        self.enter(.confirm)
    }

    /// Puts the channel in transaction mode (AMQP 0-9-1 §1.9).
    ///
    /// Blocks for one round trip.
    public func selectTransactions() throws(AMQPError) {
        try self.throwIfEnded()
        guard self.currentMode != .confirm else { throw Self.mixed(.txSelect) }
        _ = try self.request(TxSelect(), expecting: .txSelectOk)
        self.enter(.transaction)
    }

    /// Makes the publishes and acks since the last commit take effect.
    ///
    /// Blocks for one round trip (C64).
    ///
    /// Not atomic on RabbitMQ: acks of one commit are settled before its publishes are known to be accepted.
    public func commit() throws(AMQPError) {
        try self.requireTransaction(.txCommit)
        _ = try self.request(TxCommit(), expecting: .txCommitOk)
        self.lane.ackLine.committed()
    }

    /// Drops the publishes since the last commit.
    ///
    /// Acks since then are undone: the deliveries are not given out again, they can be settled again (C64). Blocks for
    /// one round trip.
    public func rollback() throws(AMQPError) {
        try self.requireTransaction(.txRollback)
        _ = try self.request(TxRollback(), expecting: .txRollbackOk)
        self.lane.ackLine.rolledBack()
    }

    private func requireTransaction(_ method: MethodID) throws(AMQPError) {
        try self.throwIfEnded()
        guard self.currentMode == .transaction else {
            let text = "the channel is not in transaction mode; call selectTransactions() first"
            throw AMQPError(.refusedLocally, scope: .call, text: text, method: method)
        }
    }

    private static func mixed(_ method: MethodID) -> AMQPError {
        let text = "confirms and transactions exclude each other on one channel (C46); open another channel"
        return AMQPError(.refusedLocally, scope: .call, text: text, method: method)
    }

    /// Publishes a message.
    ///
    /// Returns when it is queued for the socket, at once unless the broker has blocked the connection, paused the
    /// channel, or the outbox is full.
    ///
    /// AMQP 0-9-1 §1.8.3.7 `basic.publish`. A missing exchange ends the channel later (C45).
    ///
    /// - Parameters:
    ///   - body: At most what the broker takes (16 to 128 MiB by default).
    ///   - exchange: Empty for the default exchange, which routes to the queue named by the key.
    ///   - routingKey: At most 255 octets.
    ///   - properties: Sent as they are; a mandatory publish on a confirm channel gets a header of its own.
    ///   - mandatory: Have it returned if no queue takes it.
    ///   - token: Comes back with the confirm, on a confirm channel.
    /// - Returns: The sequence number on a confirm channel, else 0.
    /// - Throws: `.refusedLocally` if it can not be encoded, with nothing sent (C20, C27); why the channel ended.
    @discardableResult
    package func publish(
        _ body: UnsafeRawBufferPointer,
        exchange: String,
        routingKey: String,
        properties: BasicProperties,
        mandatory: Bool,
        token: UInt64
    ) throws(AMQPError) -> UInt64 {
        try self.throwIfEnded()
        let sequence = self.currentMode == .confirm ? self.confirms.nextSequence : 0
        var properties = properties
        if mandatory, sequence > 0 {
            var headers = properties.headers ?? FieldTable()
            headers[ReturnedMessage.sequenceHeader] = .int64(Int64(sequence))
            properties.headers = headers
        }
        let method = BasicPublish(exchange: exchange, routingKey: routingKey, mandatory: mandatory)
        while true {
            let action: Outbox.PublishAction
            do throws(AMQPError) {
                action = try self.outbox.appendContent(self.number, self.incarnation) {
                    (buffer, frameMax) throws(WireError) in
                    try buffer.appendContentFrames(
                        method,
                        properties: properties,
                        body: body,
                        channel: self.number,
                        frameMax: frameMax
                    )
                }
            } catch {
                throw self.reason(error)
            }
            if case .appended = action { break }
            try self.awaitWritable()
        }
        if sequence > 0 { self.confirms.published(token) }
        return sequence
    }

    /// Publishes a message.
    ///
    /// See the other form. The octets go out with the next flush of the connection, at the latest before this thread
    /// waits for something.
    ///
    /// - Returns: The sequence number on a confirm channel, else 0.
    @discardableResult
    public func publish(
        _ body: [UInt8],
        exchange: String = "",
        routingKey: String,
        properties: BasicProperties = BasicProperties(),
        mandatory: Bool = false
    ) throws(AMQPError) -> UInt64 {
        self.appendAcks()  // in the order of the calls
        let token = self.confirms.nextSequence
        let sequence = try body.withBytes { (bytes) throws(AMQPError) in
            try self.publish(
                bytes,
                exchange: exchange,
                routingKey: routingKey,
                properties: properties,
                mandatory: mandatory,
                token: token
            )
        }
        self.outbox.flush()
        return sequence
    }

    /// Publishes on a confirm channel that the broker has not answered.
    public var unconfirmedCount: Int { self.confirms.pending }

    /// Waits until every publish so far is answered.
    ///
    /// - Returns: The sequence numbers that the broker refused or returned, in order; empty is all well.
    /// - Throws: Why the channel ended; what was pending then is neither confirmed nor refused (C45). `.timeout`.
    public func awaitConfirms(timeout: Duration? = nil) throws(AMQPError) -> [UInt64] {
        let deadline = MonotonicClock.deadline(in: timeout)
        self.sendAcks()
        while self.confirms.pending > 0 {
            try self.throwIfEnded()
            guard self.pump(until: deadline) else {
                let text = "\(self.confirms.pending) publishes are not confirmed yet"
                throw AMQPError(.timeout, scope: .call, text: text, method: .basicPublish)
            }
        }
        try self.throwIfEnded()
        return self.takeVerdicts().compactMap { $0.verdict == .confirmed ? nil : $0.token }.sorted()
    }
}
