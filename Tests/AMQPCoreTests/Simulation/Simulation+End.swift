import AMQPCore
import AMQPWire
import TestSupport

/// How a run ends, and what must be so then.
extension Simulation {
    func carryAll() throws {
        try self.carry()
        for client in self.clients { client.pump() }
    }

    /// All that is on its way arrives, and is answered.
    func carry() throws {
        self.transport.mood = .takesAll
        self.transport.drain()
        self.outbox.flush()
        try self.broker.receive(self.transport.take(.max))
        for number in self.broker.answering {
            while self.broker.answering.contains(number) { try self.broker.answer(number) }
        }
        self.feed(self.broker.take(.max))
    }

    /// Everything under way is brought to its end; then the connection ends, one way or another.
    func settleDown() throws {
        for _ in 0..<8 { try self.carryAll() }
        // What was never answered is given up.
        self.now += 5_000_000_000
        self.core.tick(now: self.now)
        try self.carryAll()
        for client in self.clients where client.waiting != nil {
            self.violations.append(
                "channel \(client.channel.number) still waits for \(client.waiting.map { "\($0)" } ?? "")"
            )
        }
        self.checkDoors()
        self.checkDeliveries()
        for _ in 0..<4 { self.withClient { client, choice in client.request(choice) } }
        for _ in 0..<4 { self.publish() }
        var closeOks = 0
        switch self.below(3) {
        case 0:
            try self.broker.closeConnection()
            closeOks = 1
        case 1: self.core.close(code: .replySuccess, text: "bye", timeout: .seconds(1), now: self.now)
        default: self.core.endOfFileReceived()
        }
        for _ in 0..<4 { try self.carryAll() }
        // Whoever tries it now sends nothing any more.
        for client in self.clients {
            _ = Scripted.error { () throws(AMQPError) in
                try client.channel.publish(OutgoingMessage([1], routingKey: "q"))
            }
            client.channel.sendAcks()
        }
        self.core.tick(now: self.now + 1)
        try self.carryAll()
        if self.broker.connectionCloseOks != closeOks {
            self.violations.append("\(self.broker.connectionCloseOks) close-oks for the connection, not \(closeOks)")
        }
    }

    /// What a living channel was sent has reached its owner, and nothing was settled but by its owner.
    private func checkDeliveries() {
        for client in self.clients {
            let key = SimulatedBroker.key(client.channel.number, client.life)
            for (tag, how) in self.broker.settlings[key] ?? [:] where client.settlings[tag] != how {
                let ours = client.settlings[tag].map { "\($0)" } ?? "nothing"
                self.violations.append("delivery \(key).\(tag): \(ours) by its owner, \(how) at the broker")
            }
            guard client.channel.endReason == nil, !client.hasRecovered,
                let life = self.broker.lives[client.channel.number]
            else { continue }
            if client.seen.count != Int(life.nextTag) - 1 {
                self.violations.append("\(life.nextTag - 1) deliveries on \(key), \(client.seen.count) came")
            }
        }
    }

    /// With nothing under way both sides agree on which numbers are open.
    private func checkDoors() {
        let ours = Set(self.clients.filter { $0.channel.endReason == nil }.map(\.channel.number))
        if ours != Set(self.broker.openNumbers) {
            self.violations.append("open here: \(ours.sorted()), at the broker: \(self.broker.openNumbers)")
        }
        if self.broker.closeOksReceived != self.broker.closesAnswerable {
            self.violations.append(
                "\(self.broker.closesAnswerable) closes of the broker, \(self.broker.closeOksReceived) close-oks"
            )
        }
    }

    func check() {
        self.violations += self.broker.violations
        if self.host.ends.count != 1 { self.violations.append("the connection ended \(self.host.ends.count) times") }
        for client in self.clients {
            self.violations += client.violations
            if client.channel.endReason == nil || client.waiting != nil {
                self.violations.append("channel \(client.channel.number) was not told of the end")
            }
            for (sequence, verdicts) in client.verdicts { self.check(client, sequence, verdicts) }
            self.note("life")
        }
        self.tally["crossed closes"] = self.broker.crossedCloses
        self.tally["close-ok lost"] = self.broker.lostCloseOks
        self.tally["acks over several"] = self.broker.multipleAcks
    }

    private func check(_ client: SimulatedClient, _ sequence: UInt64, _ verdicts: [ConfirmVerdict]) {
        let key = SimulatedBroker.key(client.channel.number, client.life, sequence)
        guard verdicts.count == 1, let verdict = verdicts.first else {
            return self.violations.append("publish \(key) was answered \(verdicts.count) times")
        }
        self.note("\(verdict)")
        switch (verdict, self.broker.confirmed[key]) {
        case (.confirmed, .ack), (.refused, .nack), (.returned, .returned): break
        case (.unknown, _): break  // the channel ended before the broker's answer was read, if any
        default:
            self.violations.append(
                "publish \(key): \(verdict) here, \(self.broker.confirmed[key].map { "\($0)" } ?? "none") there"
            )
        }
    }
}
