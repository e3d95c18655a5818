package import AMQPWire

/// Closes that no client has asked for, with any code: for tests of clients.
extension EmbeddedBroker {
    /// Closes an open channel.
    package mutating func forceClose(
        _ id: ConnectionID,
        channel number: UInt16,
        _ code: ReplyCode,
        _ text: String,
        now: UInt64
    ) {
        self.pass(now)
        guard self.connections.contains(id), self.connections[id].phase == .running,
            self.connections[id].channels[number]?.state == .open
        else { return }
        self.closeChannel(ChannelRef(connection: id, number: number), .channel(code, text), nil)
        self.settleRest()
    }

    /// Closes a connection that is open.
    package mutating func forceClose(_ id: ConnectionID, _ code: ReplyCode, _ text: String, now: UInt64) {
        self.pass(now)
        guard self.connections.contains(id), self.connections[id].phase == .running else { return }
        self.close(id, .connection(code, text), nil)
        self.settleRest()
    }
}
