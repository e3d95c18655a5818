#if DEBUG
    import AMQPBroker
    import AMQPClient
    import AMQPCore
    import AMQPWire
    import SimulatedThreads
    import SimulatedWorld

    /// The broker of a run on a thread of its own, the wires to it, and what is promised of messages.
    // @unchecked Sendable: its `var`s are for the thread that holds the baton.
    final class Place: SimulatedNetwork, @unchecked Sendable {
        let conductor: Conductor
        private let scene: Scene
        private(set) var broker: EmbeddedBroker
        private var wires: [Wire] = []
        private var wireCount = 0
        private var chance: Chance
        private let bell = Place.makeBell()
        private var isEnding = false
        /// Nothing goes wrong any more.
        var isHealed = false
        lazy var oracle = Oracle(self, self.scene)

        /// A name for those who wait for something.
        static func makeBell() -> UnsafeMutableRawPointer { .allocate(byteCount: 8, alignment: 8) }

        init(_ conductor: Conductor, _ scene: Scene) {
            self.conductor = conductor
            self.scene = scene
            var settings = BrokerSettings(profile: Profile.of(scene.profile) ?? .rabbitMQ310, seed: scene.seed)
            settings.heartbeat = 10
            self.chance = Chance(Chance.of(scene.seed, 5))
            self.broker = EmbeddedBroker(settings, now: UInt64(conductor.timeOfDay()))
        }

        deinit { self.bell.deallocate() }

        var seed: UInt64 { self.scene.seed }
        var now: UInt64 { UInt64(self.conductor.timeOfDay()) }

        // MARK: Chance

        func latency() -> UInt64 { UInt64(1 + self.chance.below(self.scene.latency)) * 1000 }
        func isFull() -> Bool { !self.isHealed && self.chance.below(1000) < self.scene.fullness }
        func piece(of count: Int) -> Int { self.chance.percent(self.scene.cuts) ? 1 + self.chance.below(count) : count }

        // MARK: Wires

        func connect() -> (any SimulatedSocket)? {
            self.wireCount += 1
            let wire = Wire(self.wireCount, self)
            wire.connection = self.broker.connect(now: self.now)
            self.wires.append(wire)
            self.act()
            return wire
        }

        func rouse() { self.conductor.rouse(self.bell) }

        /// Does what the broker wants done, and looks whether all is still true.
        private func act() {
            for action in self.broker.takeActions() {
                switch action {
                case .send(let id, let octets): self.wires.first { $0.connection == id }?.send(octets)
                case .close(let id):
                    let wire = self.wires.first { $0.connection == id }
                    wire?.end()
                    wire?.connection = nil
                }
            }
            self.oracle.look()
            self.rouse()
        }

        func change<R>(_ body: (inout EmbeddedBroker, UInt64) -> R) -> R {
            let result = body(&self.broker, self.now)
            self.act()
            return result
        }

        /// The broker's thread.
        func run() {
            while !self.isEnding {
                var next =
                    self.broker.nextDeadline.map { due in
                        let now = self.now
                        return self.conductor.now() + (due > now ? due - now : 0) * 1_000_000
                    } ?? .max
                for wire in self.wires {
                    while wire.nextAtBroker <= self.conductor.now() { self.take(wire) }
                    next = min(next, wire.nextAtBroker)
                }
                self.wires.removeAll { $0.connection == nil && $0.nextAtBroker == .max }
                if let due = self.broker.nextDeadline, due <= self.now {
                    self.broker.tick(now: self.now)
                    self.act()
                    continue
                }
                if self.isEnding { return }
                self.conductor.rest(self.bell, until: next == .max ? nil : next)
            }
        }

        private func take(_ wire: Wire) {
            let octets = wire.takeAtBroker()
            guard let id = wire.connection else { return }
            if let octets {
                self.broker.receive(octets, from: id, now: self.now)
            } else {
                wire.connection = nil
                self.broker.disconnect(id, now: self.now)
                wire.end()
            }
            self.act()
        }

        /// The end: the broker's thread ends.
        func end() {
            self.isEnding = true
            self.rouse()
        }

        // MARK: What goes wrong

        private func oneWire() -> Wire? {
            let open = self.wires.filter { $0.connection != nil }
            return open.isEmpty ? nil : open[self.chance.below(open.count)]
        }

        func cut() {
            guard let wire = self.oneWire(), let id = wire.connection else { return }
            wire.connection = nil
            wire.reset()
            self.broker.disconnect(id, now: self.now)
            self.act()
        }

        func closeConnection() {
            guard let id = self.oneWire()?.connection else { return }
            self.broker.forceClose(id, .connectionForced, "simulated", now: self.now)
            self.act()
        }

        func closeChannels(of queue: String) {
            _ = self.change { broker, now in
                broker.closeChannels(consuming: queue, code: 406, text: "simulated", now: now)
            }
        }

        func setRefusing(_ isRefusing: Bool, _ queue: String) {
            _ = self.change { broker, _ in broker.setRefusing(isRefusing, queue) }
        }

        func setAlarm(_ isOn: Bool) { self.change { $0.setAlarm(isOn ? "simulated" : nil, now: $1) } }
    }
#endif
