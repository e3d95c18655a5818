package import AMQPWire

/// Requests whose owner does other things until the answer comes.
extension Channel {
    /// Whether one of the signals has come that end a wait for an answer.
    package var isInterrupted: Bool { self.signals & self.interrupts != 0 }

    /// Whether open-ok has come, for a channel that was opened without waiting for it.
    package func finishOpen() -> Bool {
        guard case .reply(.channelOpenOk)? = self.takeReply() else { return false }
        return true
    }

    /// Asks for confirms; ``finishConfirms()`` has the answer.
    package func startConfirms() throws(AMQPError) {
        try self.session.throwUnlessMayEnter(.confirm)
        try self.server.require(.confirms, for: .confirmSelect)
        try self.startRequest(ConfirmSelect(), expecting: .confirmSelectOk)
    }

    /// Whether the channel is in confirm mode now.
    package func finishConfirms() -> Bool {
        guard case .reply(.confirmSelectOk)? = self.takeReply() else { return false }
        self.enterConfirms()
        return true
    }

    /// Asks for a queue; ``finishDeclareQueue()`` has the answer.
    package func startDeclareQueue(_ name: String, arguments: FieldTable) throws(AMQPError) {
        try self.startRequest(
            QueueDeclare(queue: name, durable: true, arguments: arguments),
            expecting: .queueDeclareOk
        )
    }

    /// Whether declare-ok has come; a no ends the channel.
    package func finishDeclareQueue() -> Bool {
        guard case .reply(.queueDeclareOk)? = self.takeReply() else { return false }
        return true
    }

    /// Asks for a consumer with acks and a tag of the caller's, which no other consumer of the channel has.
    ///
    /// ``prefetch(_:perChannel:)`` has set a limit. Deliveries may be there as soon as ``finishConsume(_:)`` has the answer.
    package func startConsume(_ queue: String, tag: String) throws(AMQPError) {
        self.lane.mailbox.allowDeliveries(Int(self.session.prefetchCount))
        try self.startRequest(BasicConsume(queue: queue, consumerTag: tag), expecting: .basicConsumeOk)
    }

    /// Whether consume-ok has come; a no ends the channel.
    package func finishConsume(_ tag: String) -> Bool {
        guard case .reply(.basicConsumeOk)? = self.takeReply() else { return false }
        self.session.consumers.started(tag)
        return true
    }
}
