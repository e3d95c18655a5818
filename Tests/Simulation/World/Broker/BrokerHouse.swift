import AMQPBroker
import AMQPWire

/// The embedded broker of a run, and what may happen to it.
final class BrokerHouse {
    private var broker: EmbeddedBroker
    private let settings: BrokerSettings
    unowned let world: World
    private var links: [ConnectionID: Link] = [:]
    private(set) var isUp = true
    /// Milliseconds that its clock is ahead.
    private var ahead: UInt64 = 0
    private var alarm: String?
    private var timerAt = UInt64.max

    private static let epoch: UInt64 = 1_700_000_000_000

    init(_ world: World) {
        self.world = world
        var settings = BrokerSettings(profile: Profile.of(world.swarm.profile) ?? .rabbitMQ310, seed: world.swarm.seed)
        let owners = world.swarm.publishers + world.swarm.workers.count
        settings.channelMax = UInt16(owners + world.swarm.spareChannels)
        self.settings = settings
        self.broker = EmbeddedBroker(settings, now: Self.epoch)
    }

    private var now: UInt64 { Self.epoch + self.world.now / 1_000_000 + self.ahead }

    // MARK: Clients

    func connect(_ link: Link) {
        let place = self.broker.connect(now: self.now)
        link.place = place
        self.links[place] = link
        self.act()
    }

    func receive(_ octets: [UInt8], _ link: Link) {
        guard let place = link.place else { return }
        self.broker.receive(octets, from: place, now: self.now)
        self.act()
    }

    func disconnect(_ link: Link, saying parcel: Pipe.Parcel = .end) {
        guard let place = link.place else { return }
        self.links[place] = nil
        link.brokerCloses(parcel)
        self.broker.disconnect(place, now: self.now)
        self.act()
    }

    /// Sends what it has to say, and has itself called when something is due.
    private func act() {
        for action in self.broker.takeActions() {
            switch action {
            case .send(let place, let octets): self.links[place]?.brokerSends(octets)
            case .close(let place): self.links.removeValue(forKey: place)?.brokerCloses()
            }
        }
        guard let due = self.broker.nextDeadline else { return }
        let at = due > self.now ? self.world.now + (due - self.now) * 1_000_000 : self.world.now + 1_000_000
        guard at < self.timerAt else { return }
        self.timerAt = at
        self.world.add(.brokerTimer, at: at)
    }

    func tick() {
        guard self.timerAt <= self.world.now else { return }
        self.timerAt = .max
        guard self.isUp else { return }
        self.broker.tick(now: self.now)
        self.act()
    }

    // MARK: What goes wrong

    func jump(_ milliseconds: UInt64) {
        self.ahead += milliseconds
        self.timerAt = .max
        self.act()
    }

    func closeChannel(_ link: Link, _ number: UInt16, _ code: UInt16) {
        guard let place = link.place else { return }
        self.broker.forceClose(place, channel: number, ReplyCode(rawValue: code), "simulated", now: self.now)
        self.act()
    }

    func closeConnection(_ link: Link, _ code: UInt16) {
        guard let place = link.place else { return }
        self.broker.forceClose(place, ReplyCode(rawValue: code), "simulated", now: self.now)
        self.act()
    }

    func setAlarm(_ reason: String?) {
        self.alarm = reason
        self.broker.setAlarm(reason, now: self.now)
        self.act()
    }

    func deleteQueue(_ name: String) {
        guard self.isUp else { return }
        self.asAdministrator { try $0.appendMethodFrame(QueueDelete(queue: name), channel: 1, frameMax: 8192) }
    }

    /// It ends, and all connections with it; what was persistent is there again, or all of it.
    func stop(keepingAll: Bool) {
        let links = self.links.sorted { $0.value.id < $1.value.id }.map(\.value)
        self.links = [:]
        for link in links {
            if let place = link.place { self.broker.disconnect(place, now: self.now) }
            link.brokerCloses(.reset)
        }
        _ = self.broker.takeActions()
        let queues = self.broker.queues().map { ($0.name, self.broker.messages(of: $0.name)) }
        self.broker = EmbeddedBroker(self.settings, now: self.now)
        self.timerAt = .max
        self.isUp = false
        self.asAdministrator { buffer in
            for (name, entries) in queues {
                let declare = QueueDeclare(queue: name, durable: true, arguments: self.world.queueArguments)
                try buffer.appendMethodFrame(declare, channel: 1, frameMax: 8192)
                for entry in entries {
                    let properties = entry.message.properties
                    guard keepingAll || properties.deliveryMode == 2 else { continue }
                    try entry.message.body.withUnsafeBytes { body in
                        try buffer.appendContentFrames(
                            BasicPublish(routingKey: name),
                            properties: properties,
                            body: body,
                            channel: 1,
                            frameMax: 8192
                        )
                    }
                }
            }
        }
    }

    func start() {
        self.isUp = true
        if let alarm { self.broker.setAlarm(alarm, now: self.now) }
        self.act()
    }

    /// Done by a client of its own, whose answers nobody reads.
    private func asAdministrator(_ write: (inout WireBuffer) throws -> Void) {
        let place = self.broker.connect(now: self.now)
        var buffer = WireBuffer()
        buffer.append(contentsOf: Frame.protocolHeader)
        do {
            let login = ConnectionStartOk(mechanism: "PLAIN", response: Array("\0guest\0guest".utf8))
            try buffer.appendMethodFrame(login, channel: 0, frameMax: 8192)
            let tune = ConnectionTuneOk(channelMax: 1, frameMax: 8192, heartbeat: 0)
            try buffer.appendMethodFrame(tune, channel: 0, frameMax: 8192)
            try buffer.appendMethodFrame(ConnectionOpen(virtualHost: "/"), channel: 0, frameMax: 8192)
            try buffer.appendMethodFrame(ChannelOpen(), channel: 1, frameMax: 8192)
            try write(&buffer)
        } catch {
            self.world.violated(.protocolKept, "the simulator's own frames: \(error)")
        }
        buffer.withUnsafeBytes { self.broker.receive($0, from: place, now: self.now) }
        self.broker.disconnect(place, now: self.now)
        self.act()
    }

    // MARK: What it holds

    /// Messages of a queue, and who has some in hand.
    func count(_ queue: String) -> (ready: Int, unacked: Int) {
        guard let view = self.broker.queues().first(where: { $0.name == queue }) else { return (0, 0) }
        return (view.ready, view.unacked)
    }

    func identifiers(_ queue: String) -> Set<UInt64> {
        Set(self.broker.messages(of: queue).compactMap { Ledger.id($0.message.body) })
    }

    /// What it should not hold when every client has gone; nil if it holds nothing.
    var leftOver: String? {
        if !self.broker.connectionIDs.isEmpty { return "\(self.broker.connectionIDs.count) connections" }
        if self.broker.heldByChannels > 0 { return "\(self.broker.heldByChannels) messages in the hands of channels" }
        return self.broker.countsAgree ? nil : "queues and channels that do not agree"
    }
}
