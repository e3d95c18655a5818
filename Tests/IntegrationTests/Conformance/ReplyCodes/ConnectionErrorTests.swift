import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// The codes that our client can meet although it breaks no rule, and that end the connection or nothing at all.
@Suite(
    .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"),
    .tags(.rabbitMQWords),
    .onRabbitMQ,
    .timeLimit(.minutes(10))
)
struct ConnectionErrorTests {
    @Test func `C13 C44: 200 REPLY_SUCCESS: our own close is answered and ends everything in order`() async throws {
        try await Rig.run { rig in
            let watcher = Watcher()
            let connection = try rig.connect(delegate: watcher)
            let channel = try connection.openChannel()
            let other = try connection.openChannel()
            channel.close()
            #expect(channel.endReason?.code == .closedByOwner)
            #expect(channel.endReason?.scope == .channel(channel.number))
            try other.proveAlive()
            connection.close()
            #expect(watcher.awaitEnd()?.code == .closedByOwner)
            #expect(try failureOf { try other.prefetch(1) }.code == .closedByOwner)
            #expect(try failureOf { try other.prefetch(1) }.scope == .connection)

            // What the broker does with it, frame by frame.
            let raw = try rig.raw()
            try raw.open(1)
            try raw.ask(ChannelClose(replyCode: 200, replyText: "bye"), ChannelCloseOk.self, on: 1)
            try raw.ask(ConnectionClose(replyCode: 200, replyText: "bye"), ConnectionCloseOk.self, on: 0)
        }
    }

    @Test func `C49: 312 NO_ROUTE comes back with its message and closes nothing`() async throws {
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            try channel.selectConfirms()
            let key = Broker.unique("nowhere")
            try channel.publish([1, 2], exchange: "amq.direct", routingKey: key, mandatory: true)
            #expect(try channel.awaitConfirms(timeout: Patience.long).map(\.sequence) == [1])
            let returned = try #require(channel.takeReturnedMessages().first)
            #expect(returned.code == AMQPError.Code(.noRoute))
            #expect(returned.code.description == "312 NO_ROUTE")
            #expect(returned.text == "NO_ROUTE")
            #expect(returned.exchange == "amq.direct")
            #expect(returned.routingKey == key)
            #expect(returned.body == [1, 2])
            try channel.proveAlive()
        }
    }

    @Test func `C6 C43: 403 ACCESS_REFUSED at login ends the connection, though it is a channel's code`() async throws {
        try await Rig.run { rig in
            var endpoint = rig.endpoint
            endpoint.password = "wrong"
            let error = try failureOf { try Broker.connect(to: endpoint).close() }
            #expect(error.code == AMQPError.Code(.accessRefused))
            #expect(error.scope == .connection)
            #expect(error.method == nil)
            #expect(error.text.contains("Login was refused"))
            #expect(!error.isTransient)
        }
    }

    @Test func `C12: 530 NOT_ALLOWED for a virtual host that is not there`() async throws {
        try await Rig.run { rig in
            var endpoint = rig.endpoint
            endpoint.virtualHost = "nope"
            let error = try failureOf { try Broker.connect(to: endpoint).close() }
            #expect(error.code == AMQPError.Code(.notAllowed))
            #expect(error.code.description == "530 NOT_ALLOWED")
            #expect(error.scope == .connection)
            #expect(error.method == .connectionOpen)
            #expect(error.text.contains("vhost nope not found"))
            #expect(!error.isTransient)
        }
    }

    @Test func `C41 C42 C44: an exchange type of no plugin ends the connection, or its channel alone`() async throws {
        try await Rig.run { rig in
            let watcher = Watcher()
            let connection = try rig.connect(delegate: watcher)
            let neighbour = try connection.openChannel()
            let error = try connection.failure { try $0.declareExchange(Broker.unique("odd"), type: "x-nonsense") }
            let reply = try Broker.profile().unknownExchangeType
            #expect(error.code == AMQPError.Code(reply.code))
            #expect(error.method == .exchangeDeclare)
            #expect(error.text.contains("unknown exchange type"))
            #expect(!error.isTransient)
            switch reply {
            case .endsConnection:
                #expect(error.scope == .connection)
                #expect(watcher.awaitEnd() == error)
                #expect(try failureOf { try neighbour.prefetch(1) } == error)
                #expect(try failureOf { _ = try connection.openChannel() } == error)
            case .endsChannel:
                #expect(error.scope == .channel(neighbour.number + 1))
                try neighbour.proveAlive()
                try connection.openChannel().proveAlive()
            }
        }
    }
}

/// What a connection told its keeper.
final class Watcher: ConnectionDelegate {
    private struct State {
        var isBlocked = false
        var end: AMQPError?
    }
    private let monitor = Monitor(State())

    func connectionBlocked(reason: String) { self.set { $0.isBlocked = true } }
    func connectionUnblocked() { self.set { $0.isBlocked = false } }
    func connectionEnded(_ error: AMQPError) { self.set { $0.end = error } }

    private func set(_ change: (inout State) -> Void) {
        self.monitor.withLock { change(&$0) }
        self.monitor.broadcast()
    }

    /// Whether it came to be so in that time.
    func await(blocked: Bool, within limit: Duration = .seconds(60)) -> Bool {
        self.monitor.wait(until: MonotonicClock.deadline(in: limit)) { $0.isBlocked == blocked ? true : nil } ?? false
    }

    /// Why it ended; nil if it did not within a minute.
    func awaitEnd() -> AMQPError? {
        self.monitor.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0.end }
    }
}
