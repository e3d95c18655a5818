import AMQPWire

/// How connections end.
extension EmbeddedBroker {
    /// Says that the connection is over, and waits for close-ok.
    mutating func close(_ id: ConnectionID, _ refusal: Refusal, _ method: MethodID?) {
        guard self.connections[id].phase != .closing, self.connections[id].phase != .ended else { return }
        self.endChannels(id)
        self.connections[id].phase = .closing
        self.send(
            ConnectionClose(
                replyCode: ReplyCode(rawValue: refusal.code),
                replyText: refusal.text,
                classID: method?.classID ?? 0,
                methodID: method?.methodID ?? 0
            ),
            id
        )
        self.deleteExclusive(id)
        self.endAfter(id, 30_000)
    }

    /// Ends a connection as an operator does: 320.
    public mutating func forceClose(_ id: ConnectionID, _ text: String, now: UInt64) {
        self.pass(now)
        guard self.connections.contains(id) else { return }
        self.close(id, .connection(.connectionForced, text), nil)
        self.settleRest()
    }

    /// Ends it without a word, 3 seconds later, as RabbitMQ does with who does not keep to the handshake.
    mutating func endSilently(_ id: ConnectionID) {
        self.connections[id].phase = .ended
        self.endAfter(id, 3_000)
    }

    mutating func endAfter(_ id: ConnectionID, _ milliseconds: UInt64) {
        self.connections[id].endsAt = self.now + milliseconds
        self.arm(id)
    }

    /// Sends what is left and closes the socket.
    mutating func drop(_ id: ConnectionID) {
        self.takeOutput(id)
        self.actions.append(.close(id))
        self.remove(id)
    }

    /// Takes it out, with all that is its own.
    mutating func remove(_ id: ConnectionID) {
        self.endChannels(id)
        self.deleteExclusive(id)
        self.connections.remove(id)
    }

    mutating func endChannels(_ id: ConnectionID) {
        // What one gives back is not for another one.
        for number in self.connections[id].channels.numbers {
            for (tag, queue) in self.connections[id].channels[number]?.consumers ?? [:]
            where self.queues.contains(queue) {
                self.queues[queue].removeConsumer(tag, of: ChannelRef(connection: id, number: number))
            }
        }
        for number in self.connections[id].channels.numbers {
            self.endChannel(ChannelRef(connection: id, number: number))
        }
    }

    /// The queues that were its own.
    mutating func deleteExclusive(_ id: ConnectionID) {
        for queue in self.queues.ids where self.queues[queue].owner == id { self.deleteQueue(queue) }
    }

    /// A channel is over: its consumers go, and what it held goes back.
    mutating func endChannel(_ channel: ChannelRef) {
        guard self.connections[channel.connection].channels[channel.number] != nil else { return }
        self.flushConfirms(channel)
        _ = self.cancelReplies(nil, channel)
        guard var machine = self.connections[channel.connection].channels.remove(channel.number) else {
            return
        }
        var touched: [QueueID] = []
        for (tag, queue) in machine.consumers.sorted(by: { $0.key < $1.key }) where self.queues.contains(queue) {
            self.queues[queue].removeConsumer(tag, of: channel)
            self.queues[queue].usedAt = self.now
            touched.append(queue)
        }
        // What goes with its last consumer takes nothing back, and sends nothing on.
        for queue in touched { self.deleteIfUnused(queue) }
        self.giveBack(machine.takeEverything(), counted: true)
        for queue in touched { self.dispatch(queue) }
    }

    /// Says that a channel is over, and waits for close-ok.
    ///
    /// What came from classic queues that it consumes goes back now, what it got otherwise with close-ok (C58). Quorum
    /// queues do not hear of it before.
    mutating func closeChannel(_ channel: ChannelRef, _ refusal: Refusal, _ method: MethodID?) {
        let (id, number) = (channel.connection, channel.number)
        guard var closing = self.connections[id].channels[number] else { return }
        let kept = closing.consumers.filter {
            self.queues.contains($0.value) && self.queues[$0.value].options.kind == .quorum
        }
        // What was not confirmed by now never is (C45).
        self.connections[id].channels[number]?.confirms = ConfirmLine()
        let consumed = Set(closing.consumers.values).subtracting(kept.values)
        let held = closing.takeEverything()
        self.connections[id].channels[number]?.consumers = closing.consumers.filter { kept[$0.key] == nil }
        _ = self.connections[id].channels[number]?.takeEverything()
        self.connections[id].channels[number]?.unacked.restore(held.filter { consumed.contains($0.queue) })
        self.endChannel(channel)
        closing.state = .closing
        closing.confirms = ConfirmLine()
        closing.consumers = kept
        closing.replies = nil
        closing.unacked.restore(held.filter { !consumed.contains($0.queue) })
        self.connections[id].channels[number] = closing
        self.send(
            ChannelClose(
                replyCode: ReplyCode(rawValue: refusal.code),
                replyText: refusal.text,
                classID: method?.classID ?? 0,
                methodID: method?.methodID ?? 0
            ),
            channel
        )
    }
}
