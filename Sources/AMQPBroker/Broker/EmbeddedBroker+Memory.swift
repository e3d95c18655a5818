/// How much is held, and what is done when that is too much: as a node of RabbitMQ above its memory's high watermark.
extension EmbeddedBroker {
    /// What a message costs beside its body and header, about: an object, its places in queues and lists.
    private static let perMessage = 256

    /// Octets of all messages in queues and in the hands of channels, about; one in several queues counts in each.
    ///
    /// Walks over what channels hold, so it is not for every frame.
    public var heldOctets: Int {
        var octets = 0
        for id in self.queues.ids {
            octets += self.queues[id].ready.bytes + self.queues[id].ready.count * Self.perMessage
            octets += self.queues[id].waiting.bytes + self.queues[id].waiting.count * Self.perMessage
        }
        for id in self.connections.ids {
            for channel in self.connections[id].channels.values {
                octets += channel.unacked.octets + channel.unacked.count * Self.perMessage
                for publish in channel.publishes { octets += publish.message.body.count + Self.perMessage }
            }
        }
        return octets
    }

    /// How many messages are in queues and in the hands of channels, by what was counted.
    package var heldMessages: Int {
        self.counts.enqueued - self.counts.acked - self.counts.dead - self.counts.purged
    }

    /// Raises or ends the alarm for memory, where the settings have a limit; an alarm of somebody else stays.
    ///
    /// - Returns: Whether it is too much.
    @discardableResult
    public mutating func lookAtMemory(now: UInt64) -> Bool {
        guard let limit = self.settings.memoryLimit else { return false }
        let held = self.heldOctets
        if self.alarm == nil, held >= limit {
            self.setAlarm(Self.lowOnMemory, now: now)
        } else if self.alarm == Self.lowOnMemory, held < limit - limit / 5 {
            self.setAlarm(nil, now: now)
        }
        return self.alarm == Self.lowOnMemory
    }

    /// Whether nothing of a client is taken in for now: a driver that has read enough ahead stops reading.
    public func isBlocked(_ id: ConnectionID) -> Bool {
        self.connections.contains(id) && self.connections[id].isBlocked
    }

    /// In RabbitMQ's words.
    private static let lowOnMemory = "low on memory"
}
