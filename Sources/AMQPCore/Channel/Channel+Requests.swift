package import AMQPWire

/// Methods that have an answer, open and close among them.
extension Channel {
    /// Sends a method and waits for one of its replies; a late one closes the channel (C63).
    func request(
        _ method: some AMQPMethod,
        expecting reply: MethodID,
        or other: MethodID? = nil
    ) throws(AMQPError) -> ChannelEvent {
        try self.throwIfEnded()
        do throws(AMQPError) {
            try self.startRequest(method, expecting: reply, or: other)
            return try self.awaitReply(to: type(of: method).id)
        } catch {
            throw self.session.ended(error, by: method)
        }
    }

    /// Sends a method; one of its replies is to come.
    package func startRequest(
        _ method: some AMQPMethod,
        expecting reply: MethodID,
        or other: MethodID? = nil
    ) throws(AMQPError) {
        try self.throwIfEnded()
        self.sendAcks()
        do throws(AMQPError) {
            try self.outbox.append(self.number, self.incarnation, expecting: reply, or: other) {
                (buffer, frameMax) throws(WireError) in
                try buffer.appendMethodFrame(method, channel: self.number, frameMax: frameMax)
            }
        } catch {
            throw self.reason(error)
        }
        self.outbox.flush()
    }

    /// The reply to the one outstanding request, if it has come.
    package func takeReply() -> ChannelEvent? { self.session.takeReply() }

    /// The timeout counts while the broker reads: on a blocked connection no answer can come, however well it is (C51).
    func awaitReply(to method: MethodID) throws(AMQPError) -> ChannelEvent {
        var deadline = MonotonicClock.deadline(in: self.requestTimeout)
        var blockings = 0
        _ = self.outbox.wasBlocked(since: &blockings)
        while true {
            if let reply = self.takeReply() { return reply }
            try self.throwIfEnded()
            guard self.signals & self.interrupts == 0, self.pump(until: deadline) else {
                if self.outwaitsBlocks, self.signals & self.interrupts == 0,
                    self.outbox.wasBlocked(since: &blockings)
                {
                    deadline = MonotonicClock.deadline(in: self.requestTimeout)
                    continue
                }
                let error = AMQPError(
                    .timeout,
                    scope: .channel(self.number),
                    text: self.signals & self.interrupts == 0
                        ? "no answer within \(DurationText.write(self.requestTimeout)); the channel is closed, since a late answer must not meet the next request"
                        : "no answer so far, and its owner was told to open another channel",
                    method: method
                )
                _ = self.outbox.closeChannel(self.number, self.incarnation, code: .replySuccess, text: "timeout")
                self.outbox.flush()
                self.end(error)
                self.lane.mailbox.detach()
                throw error
            }
        }
    }

    /// The reason that the reader sent, if it is there already, else the outbox's.
    func reason(_ error: AMQPError) -> AMQPError {
        if error.scope == .call { return error }
        self.pump(until: 0)
        if self.isOpen { self.end(error) }
        return self.endReason ?? error
    }

    package func awaitOpen() throws(AMQPError) {
        guard case .reply(.channelOpenOk) = try self.awaitReply(to: .channelOpen) else {
            throw AMQPError.violation("an answer to channel.open that is none", scope: .channel(self.number))
        }
    }

    /// Closes the channel and waits for the broker's close-ok.
    ///
    /// Its unsettled deliveries go back to their queues (C58). RabbitMQ 3.10 has them there before close-ok only where a consumer
    /// that is still there took them from a classic queue; behind ``get(_:noAck:)``, a cancelled consumer, or a quorum queue
    /// it may be a moment later.
    ///
    /// Acks given before go out first. Of many that go out just before, RabbitMQ may forget some if their queue is a quorum
    /// queue: it keeps those behind 32 back until the 32 are written down, and drops them with the channel. The answer to
    /// ``cancel(_:)`` says that they are written: cancel the consumer first.
    ///
    /// A channel that has ended already is no error.
    @available(*, noasync, message: "it blocks its thread")
    public func close() {
        guard self.startClose() else { return }
        let deadline = MonotonicClock.deadline(in: self.requestTimeout)
        while !self.finishClose(), self.pump(until: deadline) {}
        self.lane.mailbox.detach()
        self.end(.ended(.channel(self.number), "closed by its owner"))
    }

    /// Queues channel.close, after which nothing else of this channel can be queued (C33).
    ///
    /// - Returns: Whether close-ok is to come.
    package func startClose() -> Bool {
        guard self.isOpen else { return false }
        self.sendAcks()
        guard
            self.outbox.closeChannel(self.number, self.incarnation, code: .replySuccess, text: "closed by its owner")
        else {
            self.pump(until: 0)
            self.end(.ended(.channel(self.number), "closed"))
            return false
        }
        self.session.closing()
        self.outbox.flush()
        return true
    }

    /// Whether close-ok has come, or the connection has ended.
    package func finishClose() -> Bool {
        while let reply = self.takeReply() {
            if case .reply(.channelCloseOk) = reply { self.end(.ended(.channel(self.number), "closed by its owner")) }
        }
        return !self.isOpen
    }
}
