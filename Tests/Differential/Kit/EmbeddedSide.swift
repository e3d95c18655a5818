import AMQPBroker
import AMQPWire

/// The embedded broker with two clients, in a time of its own: says what is to be seen.
struct EmbeddedSide: ~Copyable {
    private var broker: EmbeddedBroker
    private var now: UInt64 = 1_700_000_000_000
    private var clients: [ConnectionID] = []
    private var readers: [SeenReader] = []
    private var seen: [[Seen]] = []

    init(_ profile: Profile, clients: Int) throws {
        self.broker = EmbeddedBroker(BrokerSettings(profile: profile), now: self.now)
        for _ in 0..<clients {
            self.clients.append(self.broker.connect(now: self.now))
            self.readers.append(SeenReader())
            self.seen.append([])
        }
        for index in 0..<clients { try self.logIn(index) }
    }

    private mutating func logIn(_ index: Int) throws {
        for octets in try Wire.login("guest", "guest") { try self.send(octets, on: index) }
        for channel: UInt16 in [1, 2] { try self.send(try Wire.open(channel), on: index) }
        self.seen[index] = []
    }

    mutating func send(_ octets: [UInt8], on index: Int) throws {
        self.broker.receive(octets, from: self.clients[index], now: self.now)
        try self.act()
    }

    mutating func wait(_ milliseconds: UInt64) throws {
        self.now += milliseconds
        self.broker.tick(now: self.now)
        try self.act()
    }

    /// Cuts the socket of a client, which connects anew.
    mutating func cut(_ index: Int) throws {
        self.broker.disconnect(self.clients[index], now: self.now)
        try self.act()
        self.clients[index] = self.broker.connect(now: self.now)
        self.readers[index] = SeenReader()
        try self.logIn(index)
    }

    private mutating func act() throws {
        for case .send(let id, let octets) in self.broker.takeActions() {
            guard let index = self.clients.firstIndex(of: id), octets != Frame.protocolHeader else { continue }
            self.seen[index] += try self.readers[index].read(octets)
        }
    }

    /// All that clients have seen since the last call.
    mutating func takeSeen() -> [[Seen]] {
        defer { for index in self.seen.indices { self.seen[index] = [] } }
        return self.seen
    }

    /// The queues that are there, which others than their owner may look at.
    func queues() -> [String: QueueLook] {
        var looks: [String: QueueLook] = [:]
        for view in self.broker.queues() where !view.isExclusive && !view.name.hasPrefix("amq.") {
            let consumers = self.broker.consumersTold(of: view.name)
            looks[view.name] = QueueLook(ready: view.ready, consumers: consumers)
        }
        return looks
    }
}

/// What a passive declaration says of a queue.
struct QueueLook: Equatable, Sendable, CustomStringConvertible {
    let ready: Int
    let consumers: Int

    var description: String { "\(self.ready) ready, \(self.consumers) consumers" }
}
