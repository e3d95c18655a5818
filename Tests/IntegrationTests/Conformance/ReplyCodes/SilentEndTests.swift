import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// Where RabbitMQ hangs up without a word: no close frame comes, so no reply code says what was wrong.
@Suite(
    .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"),
    .tags(.rabbitMQWords),
    .onRabbitMQ,
    .timeLimit(.minutes(10))
)
struct SilentEndTests {
    /// What costs the connection without a frame.
    struct Silence: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let commit: @Sendable (RawClient, Endpoint) throws -> Void

        init(_ description: String, _ commit: @escaping @Sendable (RawClient, Endpoint) throws -> Void) {
            self.testDescription = description
            self.commit = commit
        }

        /// The broker lets whoever may be guessing wait for 3 s.
        func playBeforeOpen() async throws {
            try await Rig.run { rig in
                let raw = try RawClient(greetedBy: rig.endpoint)
                try self.commit(raw, rig.endpoint)
                let begin = MonotonicClock.now()
                try raw.frames.expectEnd()
                let waited = MonotonicClock.now() - begin
                #expect(waited > 2_500_000_000, "the end came after \(waited) ns")
            }
        }

        func play() async throws {
            try await Rig.run { rig in
                let raw = try rig.raw()
                try raw.open(1)
                try self.commit(raw, rig.endpoint)
                try raw.frames.expectEnd()
            }
        }
    }

    static let logins = [
        Silence("a mechanism that was not offered") { raw, _ in try raw.sendLogin("NOPE", [1]) },
        Silence("PLAIN without its zeros") { raw, _ in try raw.sendLogin("PLAIN", Array("garbage".utf8)) },
    ]

    @Test(arguments: logins)
    func `C3: a login that is none ends the socket after 3 s, without a frame`(silence: Silence) async throws {
        try await silence.playBeforeOpen()
    }

    private static func limits(
        _ description: String,
        _ change: @escaping @Sendable (inout ConnectionTuneOk) -> Void
    ) -> Silence {
        Silence(description) { raw, endpoint in
            let tune = try raw.logIn(endpoint)
            var tuneOk = ConnectionTuneOk(channelMax: tune.channelMax, frameMax: tune.frameMax, heartbeat: 0)
            change(&tuneOk)
            try raw.send(tuneOk, on: 0)
            try raw.send(ConnectionOpen(virtualHost: endpoint.virtualHost), on: 0)
        }
    }

    static let tunings = [
        Self.limits("frame-max under the floor") { $0.frameMax = 4095 },
        Self.limits("frame-max without a limit") { $0.frameMax = 0 },
        Self.limits("frame-max above the broker's") { $0.frameMax = 200_000 },
        Self.limits("channel-max without a limit") { $0.channelMax = 0 },
        Self.limits("channel-max above the broker's") { $0.channelMax = 9999 },
    ]

    @Test(arguments: tunings)
    func `C8: limits that the broker did not offer end the socket after 3 s, without a frame`(silence: Silence)
        async throws
    { try await silence.playBeforeOpen() }

    /// The five answers above fail for their limits, not for the way they are sent.
    @Test func `C8: the broker's own limits, and smaller ones, are taken`() async throws {
        try await Rig.run { rig in
            for (channelMax, frameMax) in [(nil, nil), (1, 8192)] as [(UInt16?, UInt32?)] {
                let raw = try RawClient(greetedBy: rig.endpoint)
                let tune = try raw.logIn(rig.endpoint)
                try raw.send(
                    ConnectionTuneOk(
                        channelMax: channelMax ?? tune.channelMax,
                        frameMax: frameMax ?? tune.frameMax,
                        heartbeat: 0
                    ),
                    on: 0
                )
                try raw.ask(ConnectionOpen(virtualHost: rig.endpoint.virtualHost), ConnectionOpenOk.self, on: 0)
            }
        }
    }

    static let unknownMethods = [
        Silence("60.99: a class without such a method") { raw, _ in
            try raw.frames.sendRaw(Octets.frame(Frame.method, 1, [0, 60, 0, 99]))
        },
        Silence("99.10: no such class") { raw, _ in
            try raw.frames.sendRaw(Octets.frame(Frame.method, 1, [0, 99, 0, 10]))
        },
    ]

    @Test(arguments: unknownMethods)
    func `C28: an unknown method resets the socket, without a frame`(silence: Silence) async throws {
        try await silence.play()
    }

    @Test func `C30: a table value of unknown type in a method's arguments resets the socket, without a frame`()
        async throws
    {
        let silence = Silence("queue.declare with a value of type 'Z'") { raw, _ in
            let table: [UInt8] = [0, 0, 0, 5, 1, UInt8(ascii: "k"), UInt8(ascii: "Z"), 0, 0]
            let declare: [UInt8] = [0, 50, 0, 10, 0, 0, 0, 0b100]
            try raw.frames.sendRaw(Octets.frame(Frame.method, 1, declare + table))
        }
        try await silence.play()
    }
}
