import AMQPCore
import AMQPWire

extension ClientRun {
    /// The peer's half of a handshake as a broker does it.
    func shakeHands() {
        self.say(.connectionStart(ConnectionStart(mechanisms: Array("PLAIN".utf8), locales: Array("en_US".utf8))), 0)
        let frameMax: [UInt32] = [0, 4096, 8192, 131_072]
        let tune = ConnectionTune(
            channelMax: self.choice & 8 == 0 ? 2047 : 2,
            frameMax: frameMax[Int(self.choice >> 1 & 3)],
            heartbeat: self.choice & 16 == 0 ? 0 : 1
        )
        self.say(.connectionTune(tune), 0)
        self.say(.connectionOpenOk(ConnectionOpenOk()), 0)
        self.feed()
    }

    func say(_ method: Method, _ channel: UInt16) { self.inbound += FrameOctets.method(method, channel) }

    /// One thing that the peer does, well or badly.
    func peerActs(_ code: UInt8) {
        let channel = UInt16(code / 16 % 4) + 1
        switch code % 16 {
        case 0, 1: self.answer(channel)
        case 2: self.deliver(channel)
        case 3: for _ in 0...self.input.choice(of: 8) { self.deliver(channel) }
        case 4: self.confirm(channel)
        case 5: self.closeChannel(channel)
        case 6: self.giveBack(channel)
        case 7: self.say(.channelFlow(ChannelFlow(active: self.input.bit())), channel)
        case 8: self.say(.basicCancel(BasicCancel(consumerTag: "c\(self.input.octet() >> 4)")), channel)
        case 9: self.speakOfTheConnection()
        case 10: self.sayKnownMethod(channel)
        case 11: self.sayFrame(channel)
        case 12: self.inbound += self.input.run()
        case 13: self.inbound += FrameOctets.frame(Frame.heartbeat, 0, [])
        case 14: self.sayPartOfContent(channel)
        default: self.shakeHandsOddly()
        }
    }

    func answerAll() {
        for number in self.view.numbers.keys.sorted() { self.answer(number) }
    }

    /// The answer that a broker gives to the client's last request.
    private func answer(_ channel: UInt16) {
        guard let request = self.view.takeRequest(channel) else { return }
        switch request {
        case .channelOpen: self.say(.channelOpenOk(ChannelOpenOk()), channel)
        case .channelClose: self.say(.channelCloseOk(ChannelCloseOk()), channel)
        case .exchangeDeclare: self.say(.exchangeDeclareOk(ExchangeDeclareOk()), channel)
        case .basicQos: self.say(.basicQosOk(BasicQosOk()), channel)
        case .basicConsume(let consume):
            let tag = consume.consumerTag.isEmpty ? "made-up" : consume.consumerTag
            self.say(.basicConsumeOk(BasicConsumeOk(consumerTag: tag)), channel)
        case .basicCancel(let cancel):
            self.say(.basicCancelOk(BasicCancelOk(consumerTag: cancel.consumerTag)), channel)
        case .basicGet: self.answerGet(channel)
        case .basicRecover: self.say(.basicRecoverOk(BasicRecoverOk()), channel)
        case .confirmSelect: self.say(.confirmSelectOk(ConfirmSelectOk()), channel)
        case .txSelect: self.say(.txSelectOk(TxSelectOk()), channel)
        case .txCommit: self.say(.txCommitOk(TxCommitOk()), channel)
        case .txRollback: self.say(.txRollbackOk(TxRollbackOk()), channel)
        default: break
        }
    }

    private func answerGet(_ channel: UInt16) {
        let size = self.input.octet()
        guard size & 1 == 1 else { return self.say(.basicGetEmpty(BasicGetEmpty()), channel) }
        let got = BasicGetOk(deliveryTag: self.tag(channel), exchange: "e", routingKey: "k", messageCount: 1)
        self.sayContent(.basicGetOk(got), channel, Int(size))
    }

    /// Mostly the one that is due.
    private func tag(_ channel: UInt16) -> UInt64 {
        switch self.input.octet() {
        case 0xFF: UInt64(self.input.octet())
        case 0xFE: UInt64.max - UInt64(self.input.octet())
        case 0xFD: self.view.nextTag(channel) &+ UInt64(self.input.short()) << 4
        default: self.view.nextTag(channel)
        }
    }

    private func deliver(_ channel: UInt16) {
        let deliver = BasicDeliver(
            consumerTag: "c\(self.input.octet() >> 4)",
            deliveryTag: self.tag(channel),
            redelivered: self.input.bit(),
            exchange: "e",
            routingKey: "k"
        )
        self.sayContent(.basicDeliver(deliver), channel, Int(self.input.octet()) * Int(self.input.octet() & 15))
    }

    private func sayContent(_ method: Method, _ channel: UInt16, _ bytes: Int, _ headers: FieldTable? = nil) {
        var properties = BasicProperties(contentType: "t", headers: headers)
        if bytes & 4 == 0 { properties.messageID = "m" }
        self.inbound += FrameOctets.content(
            method,
            channel,
            [UInt8](repeating: Frame.end, count: bytes),
            pieceBytes: bytes & 3 == 0 ? bytes / 3 : min(bytes, 4088),
            properties
        )
    }

    private func confirm(_ channel: UInt16) {
        let flags = self.input.octet()
        let tag = flags & 4 == 0 ? UInt64(self.input.octet()) : self.view.numbers[channel]?.publishes ?? 0
        if flags & 1 == 0 {
            self.say(.basicAck(BasicAck(deliveryTag: tag, multiple: flags & 2 != 0)), channel)
        } else {
            self.say(.basicNack(BasicNack(deliveryTag: tag, multiple: flags & 2 != 0, requeue: false)), channel)
        }
    }

    private func closeChannel(_ channel: UInt16) {
        let flags = self.input.octet()
        if flags & 3 == 3 { return self.say(.channelCloseOk(ChannelCloseOk()), channel) }
        let close = ChannelClose(
            replyCode: ReplyCode(rawValue: [404, 406, 504, UInt16(flags)][Int(flags >> 2 & 3)]),
            replyText: "NOT_FOUND - no queue 'q' in vhost '/'"
        )
        self.say(.channelClose(close), channel)
    }

    private func giveBack(_ channel: UInt16) {
        let sequence = Int64(self.input.octet()) - 2
        let returned = BasicReturn(replyCode: .noRoute, replyText: "NO_ROUTE", exchange: "", routingKey: "k")
        self.sayContent(
            .basicReturn(returned),
            channel,
            Int(self.input.octet()),
            [ReturnedMessage.sequenceHeader: .int64(sequence)]
        )
    }

    private func speakOfTheConnection() {
        switch self.input.octet() {
        case 0..<64: self.say(.connectionBlocked(ConnectionBlocked(reason: "memory")), 0)
        case 64..<160: self.say(.connectionUnblocked(ConnectionUnblocked()), 0)
        case 160..<220: self.say(.connectionUpdateSecretOk(ConnectionUpdateSecretOk()), 0)
        case 220..<240: self.say(.connectionCloseOk(ConnectionCloseOk()), 0)
        default: self.say(.connectionClose(ConnectionClose(replyCode: 320, replyText: "CONNECTION_FORCED")), 0)
        }
    }

    /// The numbers of a method that exists, and arguments of any kind.
    private func sayKnownMethod(_ channel: UInt16) {
        let classID: [UInt8] = [10, 20, 40, 50, 60, 85, 90]
        let numbers: [UInt8] = [0, classID[self.input.choice(of: classID.count)], 0, self.input.octet()]
        self.inbound += FrameOctets.frame(Frame.method, numbers[1] == 10 ? 0 : channel, numbers + self.input.run())
    }

    private func sayFrame(_ channel: UInt16) {
        let type = self.input.octet()
        let number = type & 0x80 == 0 ? channel : self.input.short()
        let end = type & 0x40 == 0 ? Frame.end : self.input.octet()
        self.inbound += FrameOctets.frame(type & 15, number, self.input.run(), end: end)
    }

    /// What stands alone here belongs to a content that is not whole.
    private func sayPartOfContent(_ channel: UInt16) {
        let which = self.input.octet()
        switch which % 4 {
        case 0:
            let deliver = BasicDeliver(
                consumerTag: "c0",
                deliveryTag: self.tag(channel),
                exchange: "e",
                routingKey: "k"
            )
            self.say(.basicDeliver(deliver), channel)
        case 1:
            self.inbound += FrameOctets.header(channel, bodyBytes: UInt64(which / 4) << UInt64(self.input.octet() & 63))
        default: self.inbound += FrameOctets.frame(Frame.body, channel, self.input.run())
        }
    }

    private func shakeHandsOddly() {
        switch self.input.octet() % 4 {
        case 0: self.say(.connectionSecure(ConnectionSecure(challenge: self.input.run())), 0)
        case 1:
            let start = ConnectionStart(
                versionMinor: self.input.octet() & 15,
                serverProperties: ["product": "RabbitMQ"],
                mechanisms: self.input.bit() ? Array("AMQPLAIN PLAIN".utf8) : self.input.run(),
                locales: []
            )
            self.say(.connectionStart(start), 0)
        case 2:
            let tune = ConnectionTune(
                channelMax: self.input.short(),
                frameMax: UInt32(self.input.short()) << UInt32(self.input.octet() & 31),
                heartbeat: UInt16(self.input.octet())
            )
            self.say(.connectionTune(tune), 0)
        default: self.say(.connectionOpenOk(ConnectionOpenOk()), 0)
        }
    }
}
