import AMQPWire

/// An AMQP 0-9-1 broker as a value: octets of its clients and the time go in, octets for them come out.
///
/// It does no I/O and reads no clock. All it holds is in memory and gone with it. The time is milliseconds since 1970
/// and never goes back. What is to be sent after a call is had from ``takeActions()``.
public struct EmbeddedBroker: ~Copyable, Sendable {
    /// As it was made.
    public let settings: BrokerSettings
    var now: UInt64
    var vhosts: [VirtualHost]
    var queues = SlotTable<MessageQueue>()
    var connections = SlotTable<ConnectionMachine>()
    var names: NameMaker
    var timers = TimerHeap()
    var actions: [BrokerAction] = []
    /// Connections with something to send.
    var dirty: [ConnectionID] = []
    /// Channels that owe confirms.
    var confirming: [ChannelRef] = []
    /// What has left a queue and is on its way to a dead-letter exchange.
    var deadLetters = Ring<DeadLetter>()
    var lastConsumer: UInt64 = 0
    /// Queues with dead letters that wait for their targets.
    var waiting: [QueueID] = []
    /// Queues that tell their publishers.
    var telling: [QueueID] = []
    /// The channels that take replies, by routing key.
    var replyPlaces: [String: ChannelRef] = [:]
    /// Why publishers are blocked; nil if they are not.
    var alarm: String?
    /// What has happened so far.
    public internal(set) var counts = BrokerCounts()
    /// How many messages have left a queue for which reason.
    package internal(set) var deaths: [Death: Int] = [:]

    /// Makes a broker without connections and queues.
    ///
    /// - Parameters:
    ///   - settings: What it is to be.
    ///   - now: The time.
    public init(_ settings: BrokerSettings = BrokerSettings(), now: UInt64) {
        self.settings = settings
        self.now = now
        self.vhosts = settings.virtualHosts.map {
            VirtualHost($0, comparesExactly: settings.profile.comparesHeadersExactly)
        }
        self.names = NameMaker(seed: settings.seed)
    }

    /// Takes in a client that has connected.
    public mutating func connect(now: UInt64) -> ConnectionID {
        self.pass(now)
        let (settings, time) = (self.settings, self.now)
        let id = self.connections.insert { ConnectionMachine(id: $0, settings: settings, now: time) }
        self.connections[id].splitter.payloadLimit = Int(settings.profile.leastFrameMax)
        self.arm(id)
        return id
    }

    /// Takes in that a client is gone: what it held goes back.
    public mutating func disconnect(_ id: ConnectionID, now: UInt64) {
        self.pass(now)
        guard self.connections.contains(id) else { return }
        self.connections[id].output = []
        self.remove(id)
        self.settleRest()
    }

    /// What is to be done now, in this order; each is told once.
    public mutating func takeActions() -> [BrokerAction] {
        for id in self.dirty where self.connections.contains(id) { self.takeOutput(id) }
        self.dirty.removeAll(keepingCapacity: true)
        defer { self.actions = [] }
        return self.actions
    }

    mutating func takeOutput(_ id: ConnectionID) {
        self.connections[id].isDirty = false
        guard !self.connections[id].output.isEmpty else { return }
        self.connections[id].sentAt = self.now
        self.actions.append(.send(id, self.connections[id].output))
        self.connections[id].output = []
    }

    mutating func markDirty(_ id: ConnectionID) {
        guard !self.connections[id].isDirty else { return }
        self.connections[id].isDirty = true
        self.dirty.append(id)
    }

    mutating func pass(_ now: UInt64) { self.now = Swift.max(self.now, now) }

    func vhostName(_ id: ConnectionID) -> String { self.vhosts[self.connections[id].vhost].name }

    // MARK: Sending

    mutating func send(_ method: some AMQPMethod, _ channel: ChannelRef) {
        self.connections[channel.connection].output.appendMethod(method, on: channel.number)
        self.markDirty(channel.connection)
    }

    mutating func send(_ method: some AMQPMethod, _ id: ConnectionID) {
        self.send(method, ChannelRef(connection: id, number: 0))
    }
}

/// What a driver has to do for the broker.
public enum BrokerAction: Sendable, Equatable {
    /// Send these octets.
    case send(ConnectionID, [UInt8])
    /// Close the socket, once all is sent; the broker has forgotten the connection.
    case close(ConnectionID)
}

/// How many messages have gone which way.
public struct BrokerCounts: Sendable, Equatable {
    /// Came in.
    public internal(set) var published = 0
    /// Put into a queue: one for each queue.
    public internal(set) var enqueued = 0
    /// Handed out, to consumers and gets.
    public internal(set) var delivered = 0
    /// Settled by an ack, or handed out to who needs none.
    public internal(set) var acked = 0
    /// Came back.
    public internal(set) var requeued = 0
    /// Left a queue for the dead-letter exchange, or for good where there is none.
    public internal(set) var dead = 0
    /// Removed by a purge, or with their queue.
    public internal(set) var purged = 0
}
