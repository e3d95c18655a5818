import AMQPWire
import TestSupport

/// What it gets, and what RabbitMQ would say to that.
extension SimulatedBroker {
    mutating func receive(_ bytes: [UInt8]) throws {
        var position = 0
        while true {
            let piece: FrameSplitter.Piece?
            do throws(FrameFault) {
                piece = try bytes.withBytes { (octets) throws(FrameFault) in
                    try self.splitter.next(in: octets, at: &position)
                }
            } catch {
                return self.violations.append("501: \(error)")
            }
            switch piece {
            case nil: return
            case .protocolHeader?:
                try self.send(ConnectionStart(mechanisms: Array("PLAIN".utf8), locales: Array("en_US".utf8)), 0)
            case .frame(let type, let channel, let payload)?: try self.frame(type, channel, Array(bytes[payload]))
            case .assembled(let type, let channel, let frame)?:
                try self.frame(type, channel, Array(frame[Frame.headerSize..<frame.count - 1]))
            case .body(let channel, let part)?: try self.frame(Frame.body, channel, Array(bytes[part]))
            }
        }
    }

    private mutating func frame(_ type: UInt8, _ number: UInt16, _ payload: [UInt8]) throws {
        if self.connectionClosed { self.violations.append("a frame behind the end, on channel \(number)") }
        if number == 0 { return type == Frame.heartbeat ? () : try self.connectionMethod(payload) }
        var life = self.lives[number] ?? Life()
        defer { self.lives[number] = life }
        switch (type, life.content) {
        case (Frame.method, .none): break
        case (Frame.method, _): self.violations.append("505: a method inside a content on channel \(number)")
        case (Frame.header, .header(let ofPublish)):
            let size = payload[4..<12].reduce(0) { $0 << 8 | Int($1) }
            if life.isMandatory {
                life.properties = try payload.withUnsafeBytes { try ContentHeader.decode($0) }.properties
            }
            life.content = size == 0 ? .none : .body(remaining: size)
            if size == 0, ofPublish { Self.published(&life) }
            return
        case (Frame.body, .body(let remaining)):
            let left = remaining - payload.count
            if left < 0 { self.violations.append("505: a body longer than announced on channel \(number)") }
            life.content = left <= 0 ? .none : .body(remaining: left)
            if left <= 0 { Self.published(&life) }
            return
        default:
            self.violations.append("505: frame type \(type) in \(life.content) on channel \(number)")
            return
        }
        let method = try payload.withUnsafeBytes { try Method.decode($0) }
        if case .basicPublish(let publish) = method {
            life.content = .header(ofPublish: true)
            life.isMandatory = publish.mandatory
        }
        switch life.state {
        case .closed:
            guard case .channelOpen = method else {
                self.violations.append("504: \(method.id) on channel \(number), which is not open")
                return
            }
            guard number <= self.channelMax else { return self.violations.append("530: channel \(number)") }
            life = Life(state: .open, count: life.count + 1)
            life.answers.append(Answer(kind: .plain, octets: try Octets.method(ChannelOpenOk(), on: number)))
        case .closing: try self.whileClosing(method, number, &life)
        case .open: try self.whileOpen(method, number, &life)
        }
    }

    private static func published(_ life: inout Life) {
        guard life.isConfirming, life.state == .open else { return }
        life.published += 1
        life.unconfirmed.append(life.published)
        if life.isMandatory { life.mandatory[life.published] = life.properties }
    }

    private mutating func whileClosing(_ method: Method, _ number: UInt16, _ life: inout Life) throws {
        switch method {
        case .channelCloseOk:
            self.closeOksReceived += 1
            // A close of the client that crossed ours has been answered before (C39).
            life.state = .closed
        case _ where life.clientClosed: self.violations.append("504: \(method.id) behind channel.close on \(number)")
        case .channelClose:
            life.clientClosed = true
            self.crossedCloses += 1
            // At times it ends the channel at the client's close-ok, which is behind, and its own is lost with it (C39).
            if self.losesCloseOks, (Int(number) + life.count) % 2 == 0 {
                self.lostCloseOks += 1
            } else {
                try self.send(ChannelCloseOk(), number)
            }
        default: break  // queued before the client saw our close (C36)
        }
    }

    private mutating func whileOpen(_ method: Method, _ number: UInt16, _ life: inout Life) throws {
        func reply(_ method: some AMQPMethod, _ kind: Answer.Kind = .plain) throws {
            life.answers.append(Answer(kind: kind, octets: try Octets.method(method, on: number)))
        }
        switch method {
        case .channelClose:
            if !life.openOkSent, let openOk = life.answers.first { self.wire += openOk.octets }
            life.answers.removeAll()
            life.state = .closed
            try self.send(ChannelCloseOk(), number)
        case .channelFlowOk: break
        case _ where life.isCommitting:
            self.violations.append("504: \(method.id) between commit and commit-ok on channel \(number)")
        case .basicPublish: break
        case .basicGet: life.answers.append(Answer(kind: .get, octets: []))
        case .basicRecover: try reply(BasicRecoverOk(), .recover)
        case .txSelect:
            life.isTransactional = true
            try reply(TxSelectOk())
        case .txCommit where life.isTransactional:
            life.isCommitting = true
            try reply(TxCommitOk(), .commit)
        case .txRollback where life.isTransactional: try reply(TxRollbackOk(), .rollback)
        case .basicQos: try reply(BasicQosOk())
        case .confirmSelect:
            life.isConfirming = true
            try reply(ConfirmSelectOk())
        case .basicConsume(let consume):
            life.consumerTag = consume.consumerTag
            try reply(BasicConsumeOk(consumerTag: consume.consumerTag), .consume)
        case .queueDeclare(let declare):
            try reply(QueueDeclareOk(queue: declare.queue, messageCount: 0, consumerCount: 0))
        case .basicAck(let ack): self.settle(ack.deliveryTag, ack.multiple, .ack, number, &life)
        case .basicNack(let nack): self.settle(nack.deliveryTag, nack.multiple, .nack, number, &life)
        case .basicReject(let reject): self.settle(reject.deliveryTag, false, .reject, number, &life)
        default: self.violations.append("503: \(method.id) on channel \(number)")
        }
    }

    private mutating func settle(
        _ tag: UInt64,
        _ multiple: Bool,
        _ how: Settling,
        _ number: UInt16,
        _ life: inout Life
    ) {
        guard life.outstanding.contains(tag) else {
            return self.violations.append("406: unknown delivery tag \(tag) on channel \(number)")
        }
        let settled = multiple ? life.outstanding.filter { $0 <= tag } : [tag]
        if multiple { self.multipleAcks += 1 }
        life.outstanding.subtract(settled)
        if life.isTransactional { life.uncommitted += settled }
        for one in settled { self.settlings[Self.key(number, life.count), default: [:]][one] = how }
    }

    private mutating func connectionMethod(_ payload: [UInt8]) throws {
        switch try payload.withUnsafeBytes({ try Method.decode($0) }) {
        case .connectionStartOk:
            try self.send(ConnectionTune(channelMax: self.channelMax, frameMax: 4096, heartbeat: 0), 0)
        case .connectionOpen: try self.send(ConnectionOpenOk(), 0)
        case .connectionClose:
            self.connectionClosed = true
            try self.send(ConnectionCloseOk(), 0)
        case .connectionCloseOk:
            self.connectionClosed = true
            self.connectionCloseOks += 1
        case .connectionTuneOk: break
        case let method: self.violations.append("503: \(method.id) on channel 0")
        }
    }
}
