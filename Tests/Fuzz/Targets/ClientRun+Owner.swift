import AMQPCore
import AMQPWire

extension ClientRun {
    /// One thing that the program above the client does.
    func ownerActs(_ code: UInt8) {
        self.calls += 1
        switch code % 8 {
        case 0: self.openChannel()
        case 1: self.pass(UInt64(self.input.octet()) * 20_000_000)
        case 2: self.transport.mood = self.input.octet() % 4
        case 3: self.transport.drain()
        case 4 where code == 4 * 8 + 4:
            self.inCore { $0.close(code: .replySuccess, text: "over", timeout: .seconds(1), now: self.now) }
        default: self.useChannel(code / 8)
        }
    }

    private func openChannel() {
        self.owners.removeAll { $0.isOver }
        // A connection is given to its users when it is open.
        guard self.isOpen, self.owners.count < Self.channelsAtMost else { return }
        let mailbox = Mailbox()
        let incarnation = self.nextIncarnation()
        mailbox.attach(incarnation)
        guard let lane = try? self.outbox.openChannel(mailbox: mailbox, incarnation: incarnation) else { return }
        let channel = Channel(lane: lane, outbox: self.outbox, requestTimeout: .zero)
        channel.outwaitsBlocks = false  // nobody else could unblock it meanwhile: there is one thread
        let owner = Owner(channel, mailbox)
        self.owners.append(owner)
        self.reacting { self.outbox.flush() }
        owner.look(self)
    }

    private func useChannel(_ code: UInt8) {
        guard !self.owners.isEmpty else { return }
        let owner = self.owners[self.input.choice(of: self.owners.count)]
        if owner.isOpening || code % 16 == 0 { owner.look(self) }
        // An owner whose channel does not open may give up, and nothing else.
        guard owner.isReady || (owner.isOpening && code % 16 == 15) else { return }
        switch code % 16 {
        case 0: break
        case 1: self.consume(owner)
        case 2: self.get(owner)
        case 3, 4: self.publish(owner)
        case 5, 6, 7: self.settle(owner)
        case 8: owner.channel.batchAcks(Int(self.input.octet() % 8))
        case 9: self.request(owner)
        case 10: self.changeMode(owner)
        case 11: self.endTransaction(owner)
        case 12: owner.channel.sendAcks()
        case 13: _ = owner.channel.canPublishAtOnce
        case 14: _ = owner.channel.unsettledCount
        default: self.reacting { owner.close(self) }
        }
    }

    private func consume(_ owner: Owner) {
        let flags = self.input.octet()
        let tag = flags & 2 == 0 ? "" : "c\(flags >> 4)"
        self.reacting { _ = try? owner.channel.consume("q", tag: tag, noAck: flags & 1 == 1) }
    }

    private func get(_ owner: Owner) {
        let noAck = self.input.bit()
        self.reacting {
            if let delivery = (try? owner.channel.get("q", noAck: noAck)) ?? nil { owner.keep(delivery, self) }
        }
    }

    private func publish(_ owner: Owner) {
        let flags = self.input.octet()
        let bytes = flags & 2 == 0 ? Int(self.input.octet()) : Int(self.input.short()) / 2
        self.givenBytes += bytes
        var properties = BasicProperties()
        if flags & 4 != 0 { properties.contentType = String(repeating: "t", count: Int(self.input.octet()) * 2) }
        if flags & 8 != 0 { properties.headers = ["h": .bytes([UInt8](repeating: 0, count: Int(flags) * 64))] }
        owner.publish(bytes, properties, mandatory: flags & 1 == 1, self)
        self.reacting { owner.channel.sendAcks() }
    }

    /// Any delivery that was ever kept, settled or not.
    private func settle(_ owner: Owner) {
        guard !owner.deliveries.isEmpty else { return }
        let way = self.input.octet()
        let delivery = owner.deliveries[self.input.choice(of: owner.deliveries.count)]
        do throws(AMQPError) {
            switch way % 6 {
            case 0: try owner.channel.nack(delivery, requeue: way & 8 == 0)
            case 1: try owner.channel.reject(delivery, requeue: way & 8 == 0)
            case 2: try owner.channel.ackAll(upTo: delivery)
            default: try owner.channel.ack(delivery)
            }
            self.reached.settled += 1
        } catch {
            // refused, or over
        }
        if way & 16 == 0 { self.reacting { owner.channel.sendAcks() } }
    }

    private func request(_ owner: Owner) {
        let which = self.input.octet()
        self.reacting {
            switch which % 4 {
            case 0: try? owner.channel.prefetch(UInt16(which))
            case 1: _ = try? owner.channel.recover()
            case 2: try? owner.channel.cancel("c\(which >> 4)")
            default: try? owner.channel.declareExchange("e")
            }
        }
    }

    private func changeMode(_ owner: Owner) {
        let isConfirm = self.input.bit()
        self.reacting {
            if isConfirm { try? owner.channel.selectConfirms() } else { try? owner.channel.selectTransactions() }
        }
    }

    private func endTransaction(_ owner: Owner) {
        let isCommit = self.input.bit()
        self.reacting {
            if isCommit { try? owner.channel.commit() } else { try? owner.channel.rollback() }
        }
    }
}
