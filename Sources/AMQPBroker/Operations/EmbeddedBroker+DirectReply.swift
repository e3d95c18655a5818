import AMQPWire

/// Direct reply-to: answers go to the channel that asked, without a queue.
extension EmbeddedBroker {
    /// What an asker consumes, and names in `reply-to`.
    static let replies = "amq.rabbitmq.reply-to"
    /// What its questions have there then, and answers as their routing key, begins so.
    private static let replyPrefix = "amq.rabbitmq.reply-to."

    /// Takes in the consumer of a channel for its answers.
    mutating func consumeReplies(_ method: BasicConsume, _ channel: ChannelRef) throws(Refusal) {
        let (id, number) = (channel.connection, channel.number)
        guard method.noAck else { throw .channel(.preconditionFailed, "reply consumer cannot acknowledge") }
        guard self.connections[id].channels[number]?.replies == nil else {
            throw .channel(.preconditionFailed, "reply consumer already set")
        }
        let tag = method.consumerTag.isEmpty ? self.names.next("amq.ctag") : method.consumerTag
        let key = self.names.next(Self.replyPrefix + "g1")
        self.connections[id].channels[number]?.replies = (tag, key)
        self.askers[key] = channel
        if !method.noWait { self.send(BasicConsumeOk(consumerTag: tag), channel) }
    }

    /// Its answers are not wanted any more.
    mutating func endReplies(_ machine: ChannelMachine?) {
        if let key = machine?.replies?.key { self.askers[key] = nil }
    }

    /// Whether it is the key of an asker who is there.
    func isAsker(_ key: String) -> Bool { key.hasPrefix(Self.replyPrefix) && self.askers[key] != nil }

    /// A question with the asker's own key in place of the word for it.
    func addressed(_ message: Message, _ channel: ChannelRef) throws(Refusal) -> Message {
        guard Self.hasReplyTo(message.header) else { return message }
        var properties = message.properties
        guard properties.replyTo == Self.replies else { return message }
        guard let key = self.connections[channel.connection].channels[channel.number]?.replies?.key else {
            throw .channel(.preconditionFailed, "fast reply consumer does not exist")
        }
        properties.replyTo = key
        return Message(
            exchange: message.exchange,
            routingKey: message.routingKey,
            header: Message.header(properties, bodySize: message.body.count) ?? message.header,
            body: message.body,
            facts: message.facts
        )
    }

    /// By its flags, so that messages without cost nothing.
    private static func hasReplyTo(_ header: [UInt8]) -> Bool { header.count > 13 && header[12] & 0x02 != 0 }

    /// Hands an answer to the asker.
    ///
    /// - Returns: false if it is none, or the asker is gone.
    mutating func reply(_ message: Message) -> Bool {
        guard message.exchange.isEmpty, message.routingKey.hasPrefix(Self.replyPrefix),
            let channel = self.askers[message.routingKey]
        else { return false }
        let (id, number) = (channel.connection, channel.number)
        guard let consumer = self.connections[id].channels[number]?.replies?.tag,
            let tag = self.connections[id].channels[number]?.takeTag()
        else { return false }
        let frameMax = self.connections[id].frameMax
        self.connections[id].output.appendContent(
            60,
            lead: { octets in
                octets.append(contentsOf: ShortText.octets(consumer))
                octets.appendBigEndian(tag)
                octets.append(0)
            },
            message,
            header: message.header,
            on: number,
            frameMax: frameMax
        )
        self.markDirty(id)
        self.counts.delivered += 1
        self.counts.acked += 1
        return true
    }
}
