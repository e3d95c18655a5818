import AMQPWire

/// Who takes replies on a channel without having a queue for them (`amq.rabbitmq.reply-to`).
struct ReplyConsumer: Sendable {
    let tag: String
    /// The routing key of its replies.
    let key: String
}

/// Direct reply-to: a reply goes to the channel that asked, or nowhere.
extension EmbeddedBroker {
    static let replyQueue = "amq.rabbitmq.reply-to"

    mutating func consumeReplies(_ method: BasicConsume, _ channel: ChannelRef) throws(Refusal) {
        let (id, number) = (channel.connection, channel.number)
        guard method.noAck else { throw .channel(.preconditionFailed, "reply consumer cannot acknowledge") }
        guard self.connections[id].channels[number]?.replies == nil else {
            throw .channel(.preconditionFailed, "reply consumer already set")
        }
        let tag = method.consumerTag.isEmpty ? self.names.next("amq.ctag") : method.consumerTag
        let key = self.names.next(Self.replyQueue + ".r") + "." + self.names.next("k")
        self.connections[id].channels[number]?.replies = ReplyConsumer(tag: tag, key: key)
        self.replyPlaces[key] = channel
        if !method.noWait { self.send(BasicConsumeOk(consumerTag: tag), channel) }
    }

    /// Ends it; false if the tag is not its own.
    mutating func cancelReplies(_ tag: String?, _ channel: ChannelRef) -> Bool {
        guard let replies = self.connections[channel.connection].channels[channel.number]?.replies,
            tag == nil || tag == replies.tag
        else { return false }
        self.replyPlaces[replies.key] = nil
        self.connections[channel.connection].channels[channel.number]?.replies = nil
        return true
    }

    /// Where replies to a message go; nil if the message does not ask for them on its own channel.
    func replyKey(of facts: MessageFacts, _ channel: ChannelRef) throws(Refusal) -> String? {
        guard facts.wantsDirectReply else { return nil }
        guard let replies = self.connections[channel.connection].channels[channel.number]?.replies else {
            throw .channel(.preconditionFailed, "fast reply consumer does not exist")
        }
        return replies.key
    }

    /// Whether a queue of that name is said to be there, though there is none.
    func isReplyQueue(_ name: String) -> Bool { name == Self.replyQueue || self.replyPlaces[name] != nil }

    /// Hands a reply out.
    ///
    /// - Returns: Whether it counts as routed.
    mutating func reply(_ message: Message) -> Bool {
        guard message.exchange.isEmpty, message.routingKey.hasPrefix(Self.replyQueue + ".") else { return false }
        let parts = message.routingKey.split(separator: ".")
        let isKey = parts.count == 5 && parts[3].hasPrefix("r-") && parts[4].hasPrefix("k-")
        guard let channel = self.replyPlaces[message.routingKey] else {
            return isKey && self.settings.profile.routesDirectReplies
        }
        let (id, number) = (channel.connection, channel.number)
        guard let replies = self.connections[id].channels[number]?.replies,
            let tag = self.connections[id].channels[number]?.takeTag()
        else { return false }
        let frameMax = self.connections[id].frameMax
        self.connections[id].output.appendContent(
            60,
            lead: { octets in
                octets.append(contentsOf: ShortText.octets(replies.tag))
                octets.appendBigEndian(tag)
                octets.append(0)
            },
            message,
            header: message.header,
            on: number,
            frameMax: frameMax
        )
        self.markDirty(id)
        self.counts.enqueued += 1
        self.counts.delivered += 1
        self.counts.acked += 1
        return self.settings.profile.routesDirectReplies
    }
}
