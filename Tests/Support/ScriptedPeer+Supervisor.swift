import AMQPWire

extension ScriptedPeer {
    /// Answers all that a supervisor asks of a broker, until it closes the connection.
    ///
    /// - Parameters:
    ///   - delayQueues: So many consumers that bring waiting messages back are there before the first worker's consumer is
    ///     answered: a test has the wire for itself from then on.
    ///   - attended: Called when a delay queue has its consumer, with the frame that asked for it.
    ///   - handle: Sees each other frame first; true if it has dealt with it.
    /// - Throws: If something comes that a supervisor does not send, or what `handle` throws.
    package func serveSupervisor(
        awaiting delayQueues: Int = 0,
        attended: (PeerFrame) throws -> Void = { _ in },
        _ handle: (PeerFrame) throws -> Bool
    ) throws {
        try self.handshake()
        try self.serveOpenSupervisor(awaiting: delayQueues, attended: attended, handle)
    }

    /// The same on a connection that is open.
    package func serveOpenSupervisor(
        awaiting delayQueues: Int = 0,
        attended: (PeerFrame) throws -> Void = { _ in },
        _ handle: (PeerFrame) throws -> Bool
    ) throws {
        var delayQueues = delayQueues
        var early: [PeerFrame] = []
        while true {
            let frame = delayQueues <= 0 && !early.isEmpty ? early.removeFirst() : try self.next()
            if frame.methodID == .basicConsume {
                let tag = try frame.method(BasicConsume.self).consumerTag
                if tag.hasPrefix("returns-") {
                    try self.send(BasicConsumeOk(consumerTag: tag), on: frame.channel)
                    delayQueues -= 1
                    try attended(frame)
                    continue
                }
                if delayQueues > 0 {
                    early.append(frame)
                    continue
                }
            }
            if try handle(frame) { continue }
            switch frame.methodID {
            case .channelOpen: try self.send(ChannelOpenOk(), on: frame.channel)
            case .channelClose: try self.send(ChannelCloseOk(), on: frame.channel)
            case .confirmSelect: try self.send(ConfirmSelectOk(), on: frame.channel)
            case .queueDeclare:
                try self.send(QueueDeclareOk(queue: "q", messageCount: 0, consumerCount: 0), on: frame.channel)
            case .basicQos: try self.send(BasicQosOk(), on: frame.channel)
            case .basicConsume:
                let tag = try frame.method(BasicConsume.self).consumerTag
                try self.send(BasicConsumeOk(consumerTag: tag), on: frame.channel)
            case .basicCancel:
                let tag = try frame.method(BasicCancel.self).consumerTag
                try self.send(BasicCancelOk(consumerTag: tag), on: frame.channel)
            case .connectionClose:
                try self.send(ConnectionCloseOk(), on: 0)
                return try self.expectEnd()
            default: throw PeerFailure("no answer to \(frame)")
            }
        }
    }

    /// Answers a `basic.consume` and sends messages 1...count to it, whose bodies are their numbers.
    package func startConsumer(_ frame: PeerFrame, messages count: UInt64) throws {
        try self.startConsumer(frame, bodies: (1...count).map { [UInt8(truncatingIfNeeded: $0)] })
    }

    /// Answers a `basic.consume` and sends messages to it.
    package func startConsumer(_ frame: PeerFrame, bodies: [[UInt8]]) throws {
        let tag = try frame.method(BasicConsume.self).consumerTag
        try self.send(BasicConsumeOk(consumerTag: tag), on: frame.channel)
        for (index, body) in bodies.enumerated() {
            let deliver = BasicDeliver(
                consumerTag: tag,
                deliveryTag: UInt64(index + 1),
                exchange: "",
                routingKey: "q"
            )
            try self.sendContent(deliver, body, on: frame.channel)
        }
    }
}
