import AMQPBroker
import AMQPWire
import Differential
import Testing
import TestSupport

/// A broker with clients that are arrays of octets, in a time of its own.
final class Rig {
    var broker: EmbeddedBroker
    var now: UInt64 = 1_700_000_000_000
    private var clients: [ConnectionID: RigClient] = [:]

    init(_ settings: BrokerSettings = BrokerSettings()) { self.broker = EmbeddedBroker(settings, now: self.now) }

    func connect(heartbeat: UInt16 = 0, user: String = "guest", vhost: String = "/") throws -> RigClient {
        let client = RigClient(self, self.broker.connect(now: self.now))
        self.clients[client.id] = client
        client.sendRaw(Frame.protocolHeader)
        _ = try client.expect(.connectionStart)
        try client.logIn(user: user)
        _ = try client.expect(.connectionTune)
        try client.send(ConnectionTuneOk(channelMax: 2047, frameMax: 131_072, heartbeat: heartbeat), on: 0)
        try client.send(ConnectionOpen(virtualHost: vhost), on: 0)
        _ = try client.expect(.connectionOpenOk)
        return client
    }

    /// A broker like a release, with a client that has channel 1.
    static func open(_ profile: Profile = .rabbitMQ310) throws -> (rig: Rig, client: RigClient) {
        let rig = Rig(BrokerSettings(profile: profile))
        let client = try rig.connect()
        try client.open(1)
        return (rig, client)
    }

    /// A client that has sent nothing.
    func raw() -> RigClient {
        let client = RigClient(self, self.broker.connect(now: self.now))
        self.clients[client.id] = client
        return client
    }

    func pass(_ milliseconds: UInt64) {
        self.now += milliseconds
        self.broker.tick(now: self.now)
        self.act()
    }

    func act() {
        for action in self.broker.takeActions() {
            switch action {
            case .send(let id, let octets): self.clients[id]?.arrived(octets)
            case .close(let id): self.clients[id]?.isClosed = true
            }
        }
    }

    func queue(_ name: String) -> EmbeddedBroker.QueueView? { self.broker.queues().first { $0.name == name } }
}

/// The client's end of a connection to a ``Rig``.
final class RigClient {
    let id: ConnectionID
    private let rig: Rig
    private var reader = SeenReader()
    private(set) var seen: [Seen] = []
    var isClosed = false
    var heartbeats: Int { self.reader.heartbeats }
    private(set) var octets: [UInt8] = []

    init(_ rig: Rig, _ id: ConnectionID) {
        self.rig = rig
        self.id = id
    }

    func arrived(_ octets: [UInt8]) {
        self.octets += octets
        if octets == Frame.protocolHeader { return }
        do {
            self.seen += try self.reader.read(octets)
        } catch {
            Issue.record("unreadable: \(error)")
        }
    }

    func sendRaw(_ octets: [UInt8]) {
        self.rig.broker.receive(octets, from: self.id, now: self.rig.now)
        self.rig.act()
    }

    func send(_ method: some AMQPMethod, on channel: UInt16 = 1) throws {
        self.sendRaw(try Octets.method(method, on: channel))
    }

    func logIn(user: String = "guest", password: String = "guest") throws {
        let capabilities: FieldTable = [
            "authentication_failure_close": true, "consumer_cancel_notify": true, "connection.blocked": true,
        ]
        try self.send(
            ConnectionStartOk(
                clientProperties: ["capabilities": .table(capabilities)],
                mechanism: "PLAIN",
                response: [0] + Array(user.utf8) + [0] + Array(password.utf8)
            ),
            on: 0
        )
    }

    func publish(
        _ body: [UInt8] = [1],
        to queue: String,
        exchange: String = "",
        mandatory: Bool = false,
        properties: BasicProperties = BasicProperties(),
        on channel: UInt16 = 1
    ) throws {
        let publish = BasicPublish(exchange: exchange, routingKey: queue, mandatory: mandatory)
        self.sendRaw(try Octets.content(publish, body, on: channel, frameMax: 131_072, properties: properties))
    }

    func open(_ channels: UInt16...) throws {
        for channel in channels {
            try self.send(ChannelOpen(), on: channel)
            _ = try self.expect(.channelOpenOk)
        }
    }

    /// Sends a request; its answer has to be next.
    @discardableResult
    func ask(_ method: some AMQPMethod, on channel: UInt16 = 1, _ answer: MethodID) throws -> Method {
        try self.send(method, on: channel)
        return try self.expect(answer)
    }

    func declare(_ name: String, _ arguments: FieldTable = [:]) throws {
        try self.ask(QueueDeclare(queue: name, durable: true, arguments: arguments), .queueDeclareOk)
    }

    func next() throws -> Seen {
        guard !self.seen.isEmpty else { throw PeerFailure("nothing has come") }
        return self.seen.removeFirst()
    }

    @discardableResult
    func expect(_ id: MethodID) throws -> Method {
        let seen = try self.next()
        guard seen.method.id == id else { throw PeerFailure("waited for \(id), got \(seen)") }
        return seen.method
    }

    func takeSeen() -> [Seen] {
        defer { self.seen = [] }
        return self.seen
    }

    /// The bodies and tags of the deliveries that have come, which has to be all that has.
    func deliveries() throws -> [(tag: UInt64, body: [UInt8], isAgain: Bool)] {
        try self.takeSeen().map { seen in
            switch seen.method {
            case .basicDeliver(let deliver): return (deliver.deliveryTag, seen.body, deliver.redelivered)
            case .basicGetOk(let got): return (got.deliveryTag, seen.body, got.redelivered)
            default: throw PeerFailure("no delivery: \(seen)")
            }
        }
    }

    /// What a close says, of a channel or of the connection.
    func closeCode() throws -> (code: UInt16, text: String) {
        let seen = try self.next()
        switch seen.method {
        case .channelClose(let close): return (close.replyCode.rawValue, close.replyText)
        case .connectionClose(let close): return (close.replyCode.rawValue, close.replyText)
        default: throw PeerFailure("no close: \(seen)")
        }
    }
}
