public import AMQPWire
import Synchronization

extension Channel {
    /// Whether the broker reads nothing from this connection, or has read nothing for a while since the last look.
    ///
    /// - Parameter seen: What the last look left.
    /// - Returns: Whether no answer could have come for some of the time.
    package func wasBlocked(since seen: inout Int) -> Bool { self.outbox.wasBlocked(since: &seen) }

    /// Puts the channel in confirm mode: the broker answers every publish from now on.
    ///
    /// Blocks for one round trip.
    ///
    /// RabbitMQ's `confirm.select`, C46. Not to be mixed with ``selectTransactions()``; there is no way back.
    ///
    /// - Throws: `.refusedLocally` on a channel in transaction mode, or if the broker says that it has no confirms (C5);
    ///   why the channel ended; `.timeout`, and then the channel is closed (C63).
    @available(*, noasync, message: "it blocks its thread")
    public func selectConfirms() throws(AMQPError) {
        try self.session.throwUnlessMayEnter(.confirm)
        try self.server.require(.confirms, for: .confirmSelect)
        _ = try self.request(ConfirmSelect(), expecting: .confirmSelectOk)
        self.enterConfirms()
    }

    /// Puts the channel in transaction mode: publishes and acks take effect with ``commit()``.
    ///
    /// Blocks for one round trip.
    ///
    /// AMQP 0-9-1 §1.9.2.1 `tx.select`. There is no way back.
    ///
    /// - Throws: `.refusedLocally` on a channel in confirm mode (C46); why the channel ended; `.timeout`, and then the
    ///   channel is closed (C63).
    @available(*, noasync, message: "it blocks its thread")
    public func selectTransactions() throws(AMQPError) { try self.selectTransactions(isTracked: false) }

    private func selectTransactions(isTracked: Bool) throws(AMQPError) {
        try self.session.throwUnlessMayEnter(.transaction)
        _ = try self.request(TxSelect(), expecting: .txSelectOk)
        self.enterTransactions(isTracked: isTracked)
    }

    /// The broker has agreed to confirms.
    package func enterConfirms() { self.session.confirmsSelected() }

    /// The broker has agreed to transactions.
    package func enterTransactions(isTracked: Bool = false) {
        self.session.transactionsSelected(isTracked: isTracked)
        self.lane.ackLine.beginTransactions()
    }

    /// Makes the publishes and acks since the last commit take effect.
    ///
    /// Blocks for one round trip (C64).
    ///
    /// AMQP 0-9-1 §1.9.2.3 `tx.commit`. Not atomic on RabbitMQ: acks of one commit are settled before its publishes are
    /// known to be accepted.
    ///
    /// - Throws: `.refusedLocally` on a channel that is not in transaction mode; 406 if a publish was not accepted, and why
    ///   else the channel ended: whether the commit took effect is then unknown. `.timeout`, and then the channel is closed
    ///   (C63).
    @available(*, noasync, message: "it blocks its thread")
    public func commit() throws(AMQPError) {
        try self.session.throwUnlessTransaction(.txCommit)
        self.beginCommit()
        _ = try self.request(TxCommit(), expecting: .txCommitOk)
        self.lane.ackLine.committed()
    }

    /// Drops the publishes since the last commit.
    ///
    /// Acks since then are undone: the deliveries are not given out again, they can be settled again (C64). Blocks for
    /// one round trip.
    ///
    /// AMQP 0-9-1 §1.9.2.5 `tx.rollback`.
    ///
    /// - Throws: `.refusedLocally` on a channel that is not in transaction mode; why the channel ended; `.timeout`, and
    ///   then the channel is closed (C63).
    @available(*, noasync, message: "it blocks its thread")
    public func rollback() throws(AMQPError) {
        try self.session.throwUnlessTransaction(.txRollback)
        _ = try self.request(TxRollback(), expecting: .txRollbackOk)
        self.lane.ackLine.rolledBack()
    }

    /// Like ``selectTransactions()``, and each publish has a number and gets its verdict with its commit.
    package func selectTrackedTransactions() throws(AMQPError) { try self.selectTransactions(isTracked: true) }

    private func beginCommit() {
        self.appendAcks()  // they belong to this commit; later ones wait for commit-ok
        self.lane.ackLine.beginCommit()
    }

    /// Sends tx.commit; ``finishCommit()`` tells when it is done.
    ///
    /// Until then there is no room to publish, and what is settled is kept back (C64).
    package func startCommit() throws(AMQPError) {
        try self.session.throwUnlessTransaction(.txCommit)
        self.beginCommit()
        try self.startRequest(TxCommit(), expecting: .txCommitOk)
        self.session.commitStarted()
    }

    /// Whether commit-ok has come since the last look: what was published before the commit has its verdicts now.
    package func finishCommit() -> Bool {
        guard self.session.takeCommitOk() else { return false }
        self.lane.ackLine.committed()
        return true
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
    ///   - properties: Sent as they are; a mandatory publish that has a number gets a header of its own.
    ///   - mandatory: Have it returned if no queue takes it.
    ///   - token: Comes back with the confirm, on a confirm channel.
    ///   - message: Comes back with the verdict, for a caller that does not keep it.
    ///   - deadline: How long it may wait for room, in nanoseconds of the monotonic clock; nil waits without end.
    /// - Returns: The sequence number on a confirm channel, else 0.
    /// - Throws: `.refusedLocally` if it can not be encoded, with nothing sent (C20, C27); why the channel ended.
    @discardableResult
    package func publish(
        _ body: UnsafeRawBufferPointer,
        exchange: String,
        routingKey: String,
        properties: BasicProperties,
        mandatory: Bool,
        token: UInt64,
        keeping message: OutgoingMessage? = nil,
        until deadline: UInt64? = nil
    ) throws(AMQPError) -> UInt64 {
        try self.publish(
            body,
            BasicPublish(exchange: exchange, routingKey: routingKey, mandatory: mandatory),
            properties: properties,
            mandatory: mandatory,
            token: token,
            keeping: message,
            until: deadline
        )
    }

    /// The same to an address of any octets: a message may have come by one that is not UTF-8.
    @discardableResult
    package func publish(
        _ body: UnsafeRawBufferPointer,
        exchange: [UInt8],
        routingKey: [UInt8],
        properties: BasicProperties,
        mandatory: Bool,
        token: UInt64,
        until deadline: UInt64? = nil
    ) throws(AMQPError) -> UInt64 {
        try self.publish(
            body,
            PublishToOctets(exchange: exchange, routingKey: routingKey, mandatory: mandatory),
            properties: properties,
            mandatory: mandatory,
            token: token,
            keeping: nil,
            until: deadline
        )
    }

    private func publish(
        _ body: UnsafeRawBufferPointer,
        _ method: some AMQPMethod,
        properties: BasicProperties,
        mandatory: Bool,
        token: UInt64,
        keeping message: OutgoingMessage?,
        until deadline: UInt64?
    ) throws(AMQPError) -> UInt64 {
        try self.throwIfEnded()
        try self.session.throwIfCommitting()
        let sequence = self.session.numbersPublishes ? self.session.nextSequence : 0
        var properties = properties
        if mandatory, sequence > 0, self.tokenOfMessage == nil {
            var headers = properties.headers ?? FieldTable()
            headers[ReturnedMessage.sequenceHeader] = .int64(Int64(sequence))
            properties.headers = headers
        }
        // Before the broker can see it; nobody else writes it.
        if mandatory {
            let before = self.lane.mandatoryPublishes.load(ordering: .relaxed)
            self.lane.mandatoryPublishes.store(before + 1, ordering: .releasing)
        }
        while try !self.appendPublish(method, properties, body) { try self.awaitWritable(until: deadline) }
        if sequence > 0 {
            self.session.published(UnconfirmedPublish(token: token, sequence: sequence, message: message))
        }
        return sequence
    }

    /// Appends the frames of a publish as one unit (C25).
    ///
    /// - Returns: false if publishers have to wait; a `writable` event says when it may go on.
    private func appendPublish(
        _ method: some AMQPMethod,
        _ properties: BasicProperties,
        _ body: UnsafeRawBufferPointer
    ) throws(AMQPError) -> Bool {
        do throws(AMQPError) {
            return try self.outbox.appendContent(self.number, self.incarnation) {
                (buffer, frameMax) throws(WireError) in
                try buffer.appendContentFrames(
                    method,
                    properties: properties,
                    body: body,
                    channel: self.number,
                    frameMax: frameMax
                )
            } == .appended
        } catch {
            throw self.reason(error)
        }
    }

    /// Publishes a message.
    ///
    /// Returns when it is queued for the socket, at once unless the broker has blocked the connection (C51), paused the
    /// channel (C65), or more than `outboxHighWater` octets wait for the socket: then it blocks until there is room.
    ///
    /// AMQP 0-9-1 §1.8.3.7 `basic.publish`. A missing exchange ends the channel later (C45). On a confirm channel the
    /// message is kept until the broker answers, and a mandatory one carries one header more, `millrace-seq`, its sequence
    /// number, by which a return is known again; consumers see it.
    ///
    /// - Parameters:
    ///   - message: Its body at most what the broker takes (16 to 128 MiB by default).
    ///   - timeout: How long it may wait for room; nil waits as long as the connection lives.
    /// - Returns: The sequence number on a confirm channel, from 1; else 0.
    /// - Throws: `.refusedLocally` if it can not be encoded, `.timeout` if there was no room, both with nothing sent
    ///   (C20, C27); why the channel ended.
    @discardableResult
    @available(*, noasync, message: "it blocks its thread")
    public func publish(_ message: OutgoingMessage, timeout: Duration? = nil) throws(AMQPError) -> UInt64 {
        let deadline = MonotonicClock.deadline(in: timeout)
        self.appendAcks()  // in the order of the calls
        let isConfirmed = self.session.mode == .confirm
        let sequence = try message.body.withBytes { (bytes) throws(AMQPError) in
            try self.publish(
                bytes,
                exchange: message.exchange,
                routingKey: message.routingKey,
                properties: message.properties,
                mandatory: message.mandatory,
                token: self.session.nextSequence,
                keeping: isConfirmed ? message : nil,
                until: deadline
            )
        }
        self.outbox.flush()
        return sequence
    }

    /// Publishes a message given in parts, waiting for room as long as the connection lives.
    ///
    /// See ``publish(_:timeout:)``, also for the header that a mandatory one gets.
    ///
    /// - Parameters:
    ///   - body: At most what the broker takes.
    ///   - exchange: Empty for the default exchange, which routes to the queue named by the key.
    ///   - routingKey: At most 255 octets.
    ///   - properties: Headers and the rest.
    ///   - mandatory: Have it returned if no queue takes it.
    /// - Returns: The sequence number on a confirm channel, else 0.
    /// - Throws: `.refusedLocally` if it can not be encoded, with nothing sent (C20, C27); why the channel ended.
    @discardableResult
    @available(*, noasync, message: "it blocks its thread")
    public func publish(
        _ body: [UInt8],
        exchange: String = "",
        routingKey: String,
        properties: BasicProperties = BasicProperties(),
        mandatory: Bool = false
    ) throws(AMQPError) -> UInt64 {
        try self.publish(
            OutgoingMessage(
                body,
                exchange: exchange,
                routingKey: routingKey,
                properties: properties,
                mandatory: mandatory
            )
        )
    }

    /// Whether a publish would be queued at once, without waiting for room, the channel's flow or the broker's block.
    public var canPublishAtOnce: Bool {
        !self.isCommitting && self.outbox.canPublish(self.number, self.incarnation)
    }

    /// Publishes on a confirm channel that the broker has not answered.
    public var unconfirmedCount: Int { self.session.unconfirmedCount }

    /// Waits until every publish so far is answered.
    ///
    /// - Parameter timeout: nil waits without end.
    /// - Returns: The publishes that the broker refused or returned since the last look, in order; empty is all well.
    /// - Throws: Why the channel ended: ``takeFailedPublishes()`` then gives what was pending, as `unknown` (C45).
    ///   `.timeout`: what is pending goes on waiting.
    @available(*, noasync, message: "it blocks its thread")
    public func awaitConfirms(timeout: Duration? = nil) throws(AMQPError) -> [FailedPublish] {
        let deadline = MonotonicClock.deadline(in: timeout)
        self.sendAcks()
        while self.session.unconfirmedCount > 0 {
            try self.throwIfEnded()
            guard self.pump(until: deadline) else {
                let text = "\(self.session.unconfirmedCount) publishes are not confirmed yet"
                throw AMQPError(.timeout, scope: .call, text: text, method: .basicPublish)
            }
        }
        try self.throwIfEnded()
        return self.takeFailedPublishes()
    }

    /// Hands out and forgets the publishes that were not confirmed, in order of their sequence numbers.
    ///
    /// Does not wait. After the end of the channel it gives back everything that was pending, once.
    public func takeFailedPublishes() -> [FailedPublish] {
        self.takeVerdicts().compactMap(\.failure).sorted { $0.sequence < $1.sequence }
    }
}
