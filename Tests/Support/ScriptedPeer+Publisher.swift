import AMQPWire

/// What a publisher with confirms does before its first message, and at its end.
extension ScriptedPeer {
    /// From the protocol header to the end of the channel on which a recovering connection declares its topology: the next
    /// one is number 2.
    package func handshakeOfRecovering() throws {
        try self.handshake()
        try self.openChannels(1)
        try self.expect(ChannelClose.self, on: 1)
        try self.send(ChannelCloseOk(), on: 1)
    }

    /// It opens this channel and puts it into confirm mode.
    package func openConfirms(on channel: UInt16) throws {
        try self.openChannels(channel)
        try self.expect(ConfirmSelect.self, on: channel)
        try self.send(ConfirmSelectOk(), on: channel)
    }

    /// Passes over whatever comes, answers closes, and ends with the connection.
    package func passToEnd() throws {
        while true {
            let frame = try self.next()
            if frame.methodID == .basicCancel {
                let tag = try frame.method(BasicCancel.self).consumerTag
                try self.send(BasicCancelOk(consumerTag: tag), on: frame.channel)
            }
            if frame.methodID == .channelClose { try self.send(ChannelCloseOk(), on: frame.channel) }
            if frame.methodID == .connectionClose { break }
        }
        try self.send(ConnectionCloseOk(), on: 0)
        try self.expectEnd()
    }

    /// The broker has what was published up to this number, or with it.
    package func confirm(_ tag: UInt64, multiple: Bool = false, on channel: UInt16 = 2) throws {
        try self.send(BasicAck(deliveryTag: tag, multiple: multiple), on: channel)
    }
}
