import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// One way to make a real broker end a channel of our client.
struct Provocation: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: UInt16
    let name: String
    let method: MethodID
    let text: String
    let isTransient: Bool
    let provoke: @Sendable (Stage) throws -> Void

    init(
        _ description: String,
        _ code: ReplyCode,
        after method: MethodID,
        _ text: String,
        isTransient: Bool = false,
        _ provoke: @escaping @Sendable (Stage) throws -> Void
    ) {
        self.testDescription = description
        self.code = code.rawValue
        self.name = code.name
        self.method = method
        self.text = text
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
    /// A queue that is the stranger's alone.
    let locked: String

    init(_ rig: Rig) throws {
        let connection = try rig.connect()
        self.channel = try connection.openChannel()
        self.neighbour = try connection.openChannel()
        self.stranger = try rig.connect().openChannel()
        self.locked = try self.stranger.declareQueue(Broker.unique("locked"), durable: false, exclusive: true).name
    }

    func declareQueue() throws {
        _ = try self.neighbour.declareQueue(self.queue, durable: false, arguments: ["x-expires": .int64(60_000)])
    }
}
