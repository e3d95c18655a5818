import AMQPCore
import AMQPWire

/// One run: clients, a broker and the pipes between them, in a time of their own, on one thread.
///
/// All that happens follows from the seed: what the swarm and the decisions say, and draws of their own seeds.
package final class World {
    static let input = "in"
    static let output = "out"
    /// Between two ticks of a client.
    static let tick: UInt64 = 100_000_000

    enum Phase { case running, healed, leaving, over }

    let swarm: Swarm
    let decisions: [Decision]
    let mutant: Mutant?
    private(set) var now: UInt64 = 1_000_000_000
    private var agenda = Agenda()
    private(set) var trace = Trace()
    let book = Book()
    private(set) lazy var house = BrokerHouse(self)
    private(set) lazy var clients = (0..<self.swarm.clients).map { Client(index: $0, world: self) }
    private(set) var links: [Int: Link] = [:]
    private var linkCount = 0
    private var incarnation: UInt64 = 0
    private var chance: Chance
    var phase = Phase.running
    /// By when the phase has to be over.
    var deadline: UInt64 = .max
    var alarms = 0
    private(set) var violation: Violation?
    /// What has happened how often: that a run reaches what it is for.
    private(set) var tally: [Int] = Array(repeating: 0, count: Decision.What.allCases.count)
    /// Cores that were made, of which none may be left.
    private var cores: [WeakCore] = []
    private struct WeakCore { weak var core: ConnectionCore? }

    package init(_ swarm: Swarm, _ decisions: [Decision], mutant: Mutant? = nil) {
        self.swarm = swarm
        self.decisions = decisions
        self.mutant = mutant
        self.chance = Chance(Chance.of(swarm.seed, 2))
    }

    // MARK: What the parts ask for

    func add(_ item: Agenda.Item, at time: UInt64) { self.agenda.add(item, at: max(time, self.now)) }

    func note(_ who: Trace.Who, _ what: Trace.What, _ one: UInt64 = 0, _ other: UInt64 = 0) {
        self.trace.note(self.now, who, what, one, other)
    }

    func violated(_ invariant: Violation.Invariant, _ text: String) {
        if self.violation == nil { self.violation = Violation(invariant: invariant, text: text) }
    }

    func nextIncarnation() -> UInt64 {
        self.incarnation += 1
        return self.incarnation
    }

    func draw() -> UInt64 { self.chance.next() }

    var queueArguments: FieldTable { self.swarm.quorum ? ["x-queue-type": "quorum"] : [:] }

    func connect(_ client: Client) -> Link? {
        guard self.house.isUp else { return nil }
        self.linkCount += 1
        let link = Link(id: self.linkCount, client: client, world: self)
        self.links[link.id] = link
        self.cores.append(WeakCore(core: link.core))
        self.house.connect(link)
        return link
    }

    /// Publishes one message, mandatory.
    ///
    /// - Returns: false if there is no room, or no channel any more.
    func publish(_ id: UInt64, to key: String, on channel: Channel, _ owner: Owner) -> Bool {
        do throws(AMQPError) {
            let body = Ledger.body(id, most: self.swarm.bodyOctets)
            _ = try body.withBytes { (bytes) throws(AMQPError) in
                try channel.publish(
                    bytes,
                    exchange: "",
                    routingKey: key,
                    properties: BasicProperties(deliveryMode: self.book.ledger[id].isPersistent ? 2 : 1),
                    mandatory: true,
                    token: id,
                    until: 0
                )
            }
        } catch {
            if error.code != .timeout { owner.expectEnd(error, channel) }
            return false
        }
        self.note(owner.who, .published, id)
        return true
    }

    /// What an owner takes a verdict for; it has to be what the broker said.
    func check(_ answer: PublishVerdict, _ channel: Channel, _ owner: Owner) -> ConfirmVerdict {
        let isMistaken = self.mutant == .takesReturnedForConfirmed && answer.verdict == .returned
        let verdict: ConfirmVerdict = isMistaken ? .confirmed : answer.verdict
        self.note(owner.who, .verdict, answer.token, answer.sequence)
        guard let life = owner.link?.watch.current(channel.number, channel.incarnation), life.mode == .confirm
        else { return verdict }
        let said = answer.sequence <= life.publishes.count ? life.publishes[Int(answer.sequence) - 1] : nil
        let isTrue =
            switch verdict {
            case .confirmed: said?.word == .confirmed
            case .refused: said?.word == .refused
            case .returned: said?.word == .returned
            case .unknown: true
            }
        if !isTrue || verdict != .unknown && said?.id != answer.token {
            let words = said.map { "\($0.word) of message \($0.id)" } ?? "nothing"
            self.violated(.verdictIsTrue, "message \(answer.token) is \(verdict); the broker said \(words)")
        }
        return verdict
    }

    /// What a mutant makes of octets that go out; nil leaves them.
    func mutated(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        guard self.mutant == .nacksMultiple || self.mutant == .skipsCloseOk else { return nil }
        var out: [UInt8] = []
        let end = FrameCutter.cut(bytes) { frame in
            guard frame[0] == 1 else { return out.append(contentsOf: frame) }
            let method = frame.number32(7)
            if self.mutant == .skipsCloseOk, method == Wire.channelCloseOk { return }
            out.append(contentsOf: frame)
            if self.mutant == .nacksMultiple, method == Wire.nack { out[out.count - 2] |= 1 }
        }
        return out + Array(bytes[end...])
    }

    // MARK: The run

    /// Runs it to its end.
    package func run() -> RunResult {
        for (index, decision) in self.decisions.enumerated() {
            self.add(.decision(index), at: self.now + UInt64(decision.at) * 1_000_000)
        }
        self.add(.heal, at: self.now + UInt64(self.swarm.horizonMilliseconds) * 1_000_000)
        for client in self.clients {
            client.step()
            self.add(.tick(client: client.index), at: self.now + Self.tick)
        }
        while self.violation == nil, self.phase != .over, let (time, item) = self.agenda.next() {
            self.now = time
            self.perform(item)
        }
        if self.violation == nil { self.checkEnd() }
        for link in self.links.values { link.letGo() }
        return RunResult(
            hash: self.trace.hash,
            events: self.trace.count,
            violation: self.violation,
            tally: self.tally,
            milliseconds: Int(self.now / 1_000_000),
            messages: self.book.ledger.count,
            tail: self.trace.tail.map { TraceLine.text($0) }
        )
    }

    private func perform(_ item: Agenda.Item) {
        switch item {
        case .decision(let index):
            let decision = self.decisions[index]
            guard !self.isStalled(self.client(decision), item) else { return }
            self.note(.world, .decision, UInt64(decision.what.place), UInt64(decision.amount))
            self.tally[decision.what.place] += 1
            self.carryOut(decision)
        case .heal: self.heal()
        case .parcel(let link, let toBroker): self.parcelArrives(link, toBroker)
        case .tick(let index):
            let client = self.clients[index]
            guard !self.isStalled(client, item) else { return }
            client.tick()
            self.add(item, at: self.now + Self.tick)
            self.look()
        case .connect(let index):
            guard !self.isStalled(self.clients[index], item) else { return }
            self.clients[index].step()
        case .brokerTimer: self.house.tick()
        case .handlerEnds(let index, let owner):
            let client = self.clients[index]
            guard !self.isStalled(client, item) else { return }
            (client.owners[owner] as? Worker)?.handlerEnded()
            client.settle()
        case .socketDrained(let id):
            guard let link = self.links[id], !self.isStalled(link.client, item) else { return }
            link.transport.drain()
            link.client.settle()
        case .confirmsReleased(let id): self.links[id]?.releaseConfirms()
        case .unblock: self.unblock()
        case .brokerUp:
            self.note(.broker, .up)
            self.house.start()
        }
    }

    private func isStalled(_ client: Client, _ item: Agenda.Item) -> Bool {
        guard client.stalledUntil > self.now else { return false }
        self.add(item, at: client.stalledUntil)
        return true
    }

    // MARK: Pipes

    private func parcelArrives(_ id: Int, _ toBroker: Bool) {
        guard let link = self.links[id] else { return }
        let frozen = toBroker ? link.toBroker.frozenUntil : link.toClient.frozenUntil
        let until = max(frozen, toBroker ? 0 : link.client.stalledUntil)
        if until > self.now { return self.add(.parcel(link: id, toBroker: toBroker), at: until) }
        if toBroker { self.arrivesAtBroker(link) } else { self.arrivesAtClient(link) }
        self.forgetIfOver(link)
    }

    private func arrivesAtBroker(_ link: Link) {
        switch link.toBroker.next() {
        case .octets(let octets)?:
            self.note(.broker, .arrived, UInt64(link.id), UInt64(octets.count))
            self.house.receive(octets, link)
            if link.toBroker.isBroken { self.breaks(link, toBroker: true) }
        case .end?, .reset?: self.house.disconnect(link)
        case nil: return
        }
    }

    private func arrivesAtClient(_ link: Link) {
        switch link.toClient.next() {
        case .octets(let octets)?:
            self.note(link.client.who, .arrived, UInt64(link.id), UInt64(octets.count))
            link.arrived(octets)
            link.client.leaveIfReady()
            if link.toClient.isBroken { self.breaks(link, toBroker: false) }
        case .end?:
            link.core?.endOfFileReceived()
            link.client.afterCore(link)
        case .reset?:
            link.core?.socketFailed("connection reset")
            link.client.afterCore(link)
        case nil: return
        }
    }

    /// The octet has passed at which the connection breaks: who waits for the next one sees it at once, the other later.
    func breaks(_ link: Link, toBroker: Bool) {
        self.note(.world, .cut, UInt64(link.id), toBroker ? 1 : 0)
        let how = (toBroker ? link.toBroker.breaks : link.toClient.breaks)?.how ?? .reset
        if toBroker {
            link.toBroker.breaks = nil
            link.toBroker.drop()
            self.house.disconnect(link, saying: how == .reset ? .reset : .end)
        } else {
            link.toClient.breaks = nil
            link.toClient.drop()
            if how == .reset {
                link.toBroker.end(.reset, now: self.now) { self.add(.parcel(link: link.id, toBroker: true), at: $0) }
                link.core?.socketFailed("connection reset")
            } else {
                link.core?.endOfFileReceived()
            }
            link.client.afterCore(link)
        }
        self.forgetIfOver(link)
    }

    private func forgetIfOver(_ link: Link) {
        guard link.isOver, link.place == nil else { return }
        self.links[link.id] = nil
        link.letGo()
    }

    /// Cores that somebody still holds, when all clients have gone.
    func coresLeft() -> Int {
        self.clients = []
        return self.cores.count { $0.core != nil }
    }
}

/// What a run came to.
package struct RunResult: Sendable {
    package let hash: UInt64
    package let events: Int
    package let violation: Violation?
    /// Decisions by kind, in the order of their kinds.
    package let tally: [Int]
    package let milliseconds: Int
    package let messages: Int
    /// The last events, as people read them.
    package let tail: [String]
}
