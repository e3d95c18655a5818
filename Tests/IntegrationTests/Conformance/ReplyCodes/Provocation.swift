import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// What an error is about.
enum Subject: Sendable {
    /// The stage's, in its virtual host.
    case queue, exchange, locked
    /// Refused by its name alone, so that no virtual host is named.
    case name(AMQPError.Entity.Kind, String)
    case standardExchange(String)
    case nothing
}

/// One way to make a real broker end a channel of our client.
struct Provocation: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: UInt16
    let name: String
    let method: MethodID
    let text: String
    let subject: Subject
    let difference: AMQPError.Difference?
    let isTransient: Bool
    let provoke: @Sendable (Stage) throws -> Void

    init(
        _ description: String,
        _ code: ReplyCode,
        after method: MethodID,
        _ text: String,
        about subject: Subject,
        difference: AMQPError.Difference? = nil,
        isTransient: Bool = false,
        _ provoke: @escaping @Sendable (Stage) throws -> Void
    ) {
        self.testDescription = description
        self.code = code.rawValue
        self.name = code.name
        self.method = method
        self.text = text
        self.subject = subject
        self.difference = difference
        self.isTransient = isTransient
        self.provoke = provoke
    }

    /// Provokes it, and looks at the error, at the channel, and at its neighbour on the same connection.
    func play() async throws {
        try await Rig.run { rig in
            let stage = try Stage(rig)
            let error = try failureOf { try self.provoke(stage) }
            #expect(error.code.rawValue == self.code)
            #expect(error.code.description == "\(self.code) \(self.name)")
            #expect(error.text.hasPrefix(self.name), "\(error.text)")
            #expect(error.text.contains(self.text), "\(error.text)")
            #expect(error.entity == stage.entity(self.subject), "\(error.text)")
            #expect(error.difference == self.difference, "\(error.text)")
            #expect(error.method == self.method)
            #expect(error.scope == .channel(stage.channel.number))
            #expect(error.isTransient == self.isTransient)
            #expect(error.advice != nil)
            #expect(stage.channel.endReason == error)
            #expect(try failureOf { try stage.channel.prefetch(1) } == error)
            try stage.neighbour.proveAlive()
            try stage.stranger.proveAlive()
        }
    }
}

/// A channel to lose, its neighbour on the same connection, and a stranger on another.
final class Stage {
    let channel: Channel
    let neighbour: Channel
    let stranger: Channel
    /// An empty queue that both connections may use; gone when its consumers and the connections are.
    let queue = Broker.unique("stage")
    /// The name of no exchange yet.
    let exchange = Broker.unique("stage")
    /// A queue that is the stranger's alone.
    let locked: String
    private let virtualHost: String

    init(_ rig: Rig) throws {
        self.virtualHost = rig.endpoint.virtualHost
        let connection = try rig.connect()
        self.channel = try connection.openChannel()
        self.neighbour = try connection.openChannel()
        self.stranger = try rig.connect().openChannel()
        self.locked = try self.stranger.declareQueue(Broker.unique("locked"), durable: false, exclusive: true).name
    }

    func declareQueue() throws {
        _ = try self.neighbour.declareQueue(self.queue, durable: false, arguments: ["x-expires": .int64(60_000)])
    }

    func entity(_ subject: Subject) -> AMQPError.Entity? {
        switch subject {
        case .queue: AMQPError.Entity(kind: .queue, name: self.queue, virtualHost: self.virtualHost)
        case .exchange: AMQPError.Entity(kind: .exchange, name: self.exchange, virtualHost: self.virtualHost)
        case .locked: AMQPError.Entity(kind: .queue, name: self.locked, virtualHost: self.virtualHost)
        case .name(let kind, let name): AMQPError.Entity(kind: kind, name: name, virtualHost: nil)
        case .standardExchange(let name): AMQPError.Entity(kind: .exchange, name: name, virtualHost: self.virtualHost)
        case .nothing: nil
        }
    }
}
