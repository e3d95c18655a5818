import AMQPCore
import AMQPWire

/// What decisions do.
extension World {
    func client(_ decision: Decision) -> Client { self.clients[decision.client % self.clients.count] }

    func carryOut(_ decision: Decision) {
        let client = self.client(decision)
        let owner = client.owners[decision.owner % client.owners.count]
        let amount = decision.amount
        switch decision.what {
        case .publish, .publishNowhere:
            let publisher = client.owners[decision.owner % self.swarm.publishers] as? Publisher
            publisher?.publish(amount, nowhere: decision.what == .publishNowhere)
        case .closeChannel: if amount % 2 == 1 { owner.breakOff() } else { owner.drain() }
        case .closeConnection: self.closeConnection(client, abruptly: amount % 2 == 1)
        case .stall: client.stalledUntil = self.now + UInt64(amount) * 10_000_000
        case .block:
            self.alarms += 1
            self.house.setAlarm("simulated")
            self.add(.unblock, at: self.now + UInt64(amount) * 10_000_000)
        case .restart, .restartBare: self.restart(decision)
        case .deleteQueue:
            let isInput = amount % 2 == 1
            self.house.deleteQueue(isInput ? World.input : World.output)
            self.book.ledger.excuse { ($0.input == 0) == isInput }
        case .clockJump: self.house.jump(UInt64(amount) * (amount % 3 == 0 ? 100_000 : 1000))
        case .cutToBroker, .cutToClient, .halfClose, .freeze, .delay, .withholdConfirms, .refuseConfirms:
            if let link = client.link { self.wrong(link, decision) }
        case .brokerClosesChannel, .closesCross, .brokerClosesConnection:
            if let link = client.link { self.close(link, owner, decision) }
        }
        client.settle()
    }

    private func closeConnection(_ client: Client, abruptly: Bool) {
        guard abruptly, let link = client.link else { return client.leave(forGood: false) }
        link.core?.close(code: .replySuccess, text: "bye", timeout: .seconds(2), now: self.now)
        client.afterCore(link)
    }

    /// Of what a connection is made of.
    private func wrong(_ link: Link, _ decision: Decision) {
        let amount = decision.amount
        switch decision.what {
        case .cutToBroker: link.toBroker.breaks = (amount, .reset)
        case .cutToClient: link.toClient.breaks = (amount, .reset)
        case .halfClose:
            if amount % 2 == 1 { link.toClient.breaks = (amount, .end) } else { link.toBroker.breaks = (amount, .end) }
        case .freeze:
            link.toBroker.frozenUntil = self.now + UInt64(amount) * 10_000_000
            link.toClient.frozenUntil = link.toBroker.frozenUntil
        case .delay:
            link.toBroker.extraDelay = UInt64(amount) * 1_000_000
            link.toClient.extraDelay = link.toBroker.extraDelay
        case .withholdConfirms:
            link.mouth.isWithholding = true
            self.add(.confirmsReleased(link: link.id), at: self.now + UInt64(amount) * 5_000_000)
        case .refuseConfirms: link.mouth.refusals = 1 + amount % 5
        default: break
        }
    }

    private static let channelCodes: [UInt16] = [311, 313, 403, 404, 405, 406]
    private static let connectionCodes: [UInt16] = [320, 402, 501, 502, 503, 504, 505, 506, 530, 540, 541]

    private func close(_ link: Link, _ owner: Owner, _ decision: Decision) {
        if decision.what == .brokerClosesConnection {
            return self.house.closeConnection(link, Self.connectionCodes[decision.amount % Self.connectionCodes.count])
        }
        guard let channel = owner.channel else { return }
        self.house.closeChannel(link, channel.number, Self.channelCodes[decision.amount % Self.channelCodes.count])
        if decision.what == .closesCross { owner.breakOff() }
    }

    private func restart(_ decision: Decision) {
        guard self.house.isUp else { return }
        self.note(.broker, .down)
        self.house.stop(keepingAll: decision.what == .restart)
        if decision.what == .restartBare { self.book.ledger.excuse { !$0.isPersistent } }
        self.add(.brokerUp, at: self.now + UInt64(decision.amount) * 3_000_000)
    }

    func unblock() {
        guard self.alarms > 0 else { return }
        self.alarms -= 1
        if self.alarms == 0 { self.house.setAlarm(nil) }
    }

    /// Nothing goes wrong any more.
    func heal() {
        self.note(.world, .heal)
        for link in self.links.values.sorted(by: { $0.id < $1.id }) {
            link.toBroker.heal()
            link.toClient.heal()
            link.mouth.refusals = 0
            link.releaseConfirms()
        }
        for client in self.clients { client.stalledUntil = 0 }
        if self.alarms > 0 {
            self.alarms = 0
            self.house.setAlarm(nil)
        }
        if !self.house.isUp { self.house.start() }
        self.phase = .healed
        self.deadline = self.now + 120_000_000_000
    }
}
