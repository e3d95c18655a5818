import AMQPCore
import AMQPWire
import Testing

@Suite struct ConnectionMachineTests {
    static let open = Method.connectionOpenOk(ConnectionOpenOk())
    static let closeOk = Method.connectionCloseOk(ConnectionCloseOk())
    static let close = Method.connectionClose(
        ConnectionClose(replyCode: 320, replyText: "bye", classID: 0, methodID: 0)
    )

    static func start(_ mechanisms: String = "PLAIN AMQPLAIN", minor: UInt8 = 9) -> Method {
        .connectionStart(
            ConnectionStart(
                versionMinor: minor,
                mechanisms: Array(mechanisms.utf8),
                locales: Array("en_US".utf8)
            )
        )
    }

    static func tune(_ channels: UInt16 = 2047, _ frame: UInt32 = 131_072, _ heartbeat: UInt16 = 60) -> Method {
        .connectionTune(ConnectionTune(channelMax: channels, frameMax: frame, heartbeat: heartbeat))
    }

    static func machine(
        mechanisms: [LoginMechanism] = [.plain, .amqplain],
        channelMax: Int = 0,
        frameMax: Int = 131_072,
        heartbeat: Int = 30,
        after methods: [Method] = []
    ) -> ConnectionMachine {
        var machine = ConnectionMachine(
            settings: HandshakeSettings(
                user: "ann",
                password: "s3cret",
                virtualHost: "/v",
                mechanisms: mechanisms,
                channelMax: channelMax,
                frameMax: frameMax,
                heartbeatSeconds: heartbeat
            )
        )
        for method in methods { _ = machine.methodReceived(method) }
        return machine
    }

    static func startOk(_ action: ConnectionMachine.Action) -> ConnectionStartOk? {
        guard case .send(let methods) = action, case .connectionStartOk(let ok) = methods.first else { return nil }
        return methods.count == 1 ? ok : nil
    }

    static func failure(_ action: ConnectionMachine.Action) -> AMQPError? {
        if case .fail(let error) = action { error } else { nil }
    }

    @Test func `C4: the handshake with PLAIN, step by step`() {
        var machine = Self.machine()
        #expect(machine.state == .awaitingStart)
        let ok = Self.startOk(machine.methodReceived(Self.start()))
        #expect(ok?.mechanism == "PLAIN")
        #expect(ok?.response == [0] + Array("ann".utf8) + [0] + Array("s3cret".utf8))
        #expect(machine.state == .awaitingTune)
        let agreed = Negotiated(channelMax: 2047, frameMax: 131_072, heartbeatSeconds: 30)
        #expect(
            machine.methodReceived(Self.tune())
                == .negotiated(
                    agreed,
                    [
                        .connectionTuneOk(ConnectionTuneOk(channelMax: 2047, frameMax: 131_072, heartbeat: 30)),
                        .connectionOpen(ConnectionOpen(virtualHost: "/v")),
                    ]
                )
        )
        #expect(machine.state == .awaitingOpenOk)
        #expect(machine.methodReceived(Self.open) == .opened)
        #expect(machine.state == .open)
        #expect(machine.negotiated == agreed)
    }

    @Test func `C4: AMQPLAIN is the table's entries without its length`() {
        var machine = Self.machine()
        let ok = Self.startOk(machine.methodReceived(Self.start("AMQPLAIN")))
        #expect(ok?.mechanism == "AMQPLAIN")
        let expected: [UInt8] =
            [5] + Array("LOGIN".utf8) + [UInt8(ascii: "S"), 0, 0, 0, 3] + Array("ann".utf8)
            + [8] + Array("PASSWORD".utf8) + [UInt8(ascii: "S"), 0, 0, 0, 6] + Array("s3cret".utf8)
        #expect(ok?.response == expected)
    }

    @Test func `C3: our order of mechanisms decides, among whole words`() {
        var machine = Self.machine(mechanisms: [.external, .plain])
        #expect(Self.startOk(machine.methodReceived(Self.start("PLAIN AMQPLAIN EXTERNAL")))?.mechanism == "EXTERNAL")
        var other = Self.machine(mechanisms: [.plain])
        #expect(Self.failure(other.methodReceived(Self.start("AMQPLAIN XPLAIN"))) != nil)
    }

    @Test func `C3: no common mechanism ends locally and names both sides`() {
        var machine = Self.machine()
        let error = Self.failure(machine.methodReceived(Self.start("SCRAM-SHA-256 EXTERNAL")))
        #expect(error?.code == .authenticationFailed)
        #expect(error?.text.contains("SCRAM-SHA-256") == true)
        #expect(error?.text.contains("AMQPLAIN") == true)
        #expect(machine.state == .closed)
    }

    @Test(arguments: [8, 10, 91] as [UInt8]) func `C2: another AMQP version in connection.start`(minor: UInt8) {
        var machine = Self.machine()
        let error = Self.failure(machine.methodReceived(Self.start(minor: minor)))
        #expect(error?.code == .protocolMismatch)
        #expect(error?.text.contains("0-\(minor)") == true)
        #expect(machine.state == .closed)
    }

    @Test func `C6: the handshake lasts until open-ok, and the end of the stream ends all`() {
        for before in Self.handshakes {
            var machine = Self.machine(after: before)
            #expect(machine.isHandshaking == (machine.state != .open))
            _ = machine.endOfFileReceived()
            #expect(machine.state == .closed)
            #expect(!machine.isHandshaking)
        }
    }

    @Test func `C4: connection.secure is answered as often as it comes`() {
        var machine = Self.machine(after: [Self.start()])
        for _ in 0..<3 {
            let action = machine.methodReceived(.connectionSecure(ConnectionSecure(challenge: [1])))
            guard case .send(let methods) = action, case .connectionSecureOk = methods.first else {
                Issue.record("\(action)")
                return
            }
            #expect(machine.state == .awaitingTune)
        }
    }

    struct TuneCase: CustomTestStringConvertible {
        let theirs: (UInt16, UInt32, UInt16)
        let ours: (Int, Int, Int)
        let agreed: Negotiated
        var testDescription: String { "\(self.theirs) with \(self.ours)" }
        init(_ theirs: (UInt16, UInt32, UInt16), _ ours: (Int, Int, Int), _ agreed: (Int, Int, Int)) {
            self.theirs = theirs
            self.ours = ours
            self.agreed = Negotiated(channelMax: agreed.0, frameMax: agreed.1, heartbeatSeconds: agreed.2)
        }
    }
    static let tunes: [TuneCase] = [
        TuneCase((2047, 131_072, 60), (0, 131_072, 30), (2047, 131_072, 30)),
        TuneCase((2047, 131_072, 60), (10, 8192, 90), (10, 8192, 60)),
        TuneCase((0, 0, 0), (0, 131_072, 30), (65535, 131_072, 30)),
        TuneCase((0, 0, 0), (0, 0, 0), (65535, 131_072, 0)),
        TuneCase((5, 8192, 60), (10, 131_072, 0), (5, 8192, 0)),
        TuneCase((0, 65_536, 1), (7, 0, 1), (7, 65_536, 1)),
        TuneCase((1, 4096, 60), (0, 131_072, 30), (1, 4096, 30)),
        // No number of ours traps or leaves the protocol's range, nor C9's.
        TuneCase((0, 0, 0), (100_000, 5000, 86_400), (65_535, 8192, 65_535)),
        TuneCase((0, 131_072, 60), (-1, 4096, -1), (65_535, 8192, 0)),
        TuneCase((0, 0, 0), (.max, .max, .max), (65_535, Int(UInt32.max), 65_535)),
        TuneCase((9, 131_072, 60), (.min, .min, .min), (9, 131_072, 0)),
    ]

    @Test(arguments: tunes)
    func `C7 C8 C9: the smaller of what both sides limit; 0 is no limit; heartbeat 0 is ours to say`(tune: TuneCase) {
        var machine = Self.machine(
            channelMax: tune.ours.0,
            frameMax: tune.ours.1,
            heartbeat: tune.ours.2,
            after: [Self.start()]
        )
        let action = machine.methodReceived(Self.tune(tune.theirs.0, tune.theirs.1, tune.theirs.2))
        guard case .negotiated(let agreed, let methods) = action, case .connectionTuneOk(let ok) = methods.first else {
            Issue.record("\(action)")
            return
        }
        #expect(agreed == tune.agreed)
        #expect(Int(ok.channelMax) == agreed.channelMax)
        #expect(Int(ok.frameMax) == agreed.frameMax)
        #expect(Int(ok.heartbeat) == agreed.heartbeatSeconds)
    }

    @Test func `C8: a frame-max under the protocol's floor is refused here, and no tune-ok is sent`() {
        var machine = Self.machine(after: [Self.start()])
        let error = Self.failure(machine.methodReceived(Self.tune(0, 4095)))
        #expect(error?.code == .negotiationFailed)
        #expect(error?.text.contains("4095") == true)
    }

    @Test(arguments: [0, 1, 2047, 9999, 65535] as [UInt16], [0, 4096, 8192, 131_072, 200_000, .max] as [UInt32])
    func `C8 C9: no answer asks more than the server offers, lifts its limit, or goes under the floor`(
        _ channels: UInt16,
        _ frame: UInt32
    ) {
        for (channelMax, frameMax) in [(0, 0), (1, 8192), (9999, 131_072), (65535, 1 << 20)] {
            var machine = Self.machine(channelMax: channelMax, frameMax: frameMax, after: [Self.start()])
            guard case .negotiated(_, let methods) = machine.methodReceived(Self.tune(channels, frame)),
                case .connectionTuneOk(let ok) = methods.first
            else {
                Issue.record("no answer to \(channels), \(frame)")
                continue
            }
            #expect(ok.channelMax > 0 && (channels == 0 || ok.channelMax <= channels))
            #expect(channelMax == 0 || ok.channelMax <= channelMax)
            #expect(ok.frameMax > 0 && (frame == 0 || ok.frameMax <= frame))
            // Less than 8,192 only where the server, an old one, takes no more.
            #expect(ok.frameMax >= min(frame == 0 ? 8192 : frame, 8192))
        }
    }

    static let handshakes: [[Method]] = [[], [start()], [start(), tune()], [start(), tune(), open]]

    @Test(arguments: handshakes)
    func `C6 C44: connection.close is typed and answered in every state`(before: [Method]) {
        var machine = Self.machine(after: before)
        let refused = ConnectionClose(replyCode: 403, replyText: "ACCESS_REFUSED", classID: 0, methodID: 0)
        guard case .answerCloseAndEnd(let error) = machine.methodReceived(.connectionClose(refused)) else {
            Issue.record("not answered")
            return
        }
        #expect(error.code == AMQPError.Code(403))
        #expect(error.scope == .connection)
        #expect(machine.state == .closed)
    }

    @Test func `C6: the end of the stream says what it means in each state`() {
        let codes = Self.handshakes.map { before -> AMQPError.Code in
            var machine = Self.machine(after: before)
            return machine.endOfFileReceived().code
        }
        #expect(codes == [.connectionLost, .authenticationFailed, .negotiationFailed, .connectionLost])
    }

    @Test func `C5 C6: a server that refuses a login by a close has not refused one by an end of the stream`() {
        for (says, code) in [(true, AMQPError.Code.connectionLost), (false, .authenticationFailed)] {
            var machine = Self.machine(after: [])
            let capabilities: FieldTable = ["authentication_failure_close": .bool(says)]
            let start = ConnectionStart(
                versionMajor: 0,
                versionMinor: 9,
                serverProperties: ["capabilities": .table(capabilities)],
                mechanisms: Array("PLAIN".utf8),
                locales: Array("en_US".utf8)
            )
            _ = machine.methodReceived(.connectionStart(start))
            let error = machine.endOfFileReceived()
            #expect(error.code == code && error.isTransient == says, "\(error)")
        }
    }

    @Test func `C6: an end of the stream after the limits may be the network's, limits that do not fit are not`() {
        var machine = Self.machine(after: [Self.start(), Self.tune()])
        #expect(machine.endOfFileReceived().isTransient)
        #expect(!AMQPError(.negotiationFailed, scope: .connection, text: "a frame-max of 12 octets").isTransient)
    }

    @Test(arguments: handshakes)
    func `C22: a method out of turn is refused with 503`(before: [Method]) {
        var machine = Self.machine(after: before)
        let stray = before.isEmpty ? Self.tune() : Self.start()
        guard case .refuse(let error, let code) = machine.methodReceived(stray) else {
            Issue.record("not refused")
            return
        }
        #expect(code == .commandInvalid)
        #expect(error.code == .protocolViolation)
        #expect(machine.state == .closing)
    }

    @Test func `C13: our close waits for close-ok and drops everything else`() {
        var machine = Self.machine(after: Self.handshakes[3])
        #expect(machine.close() == .sendClose)
        #expect(machine.close() == .alreadyClosing)
        #expect(machine.methodReceived(.connectionBlocked(ConnectionBlocked(reason: "memory"))) == .ignore)
        #expect(machine.methodReceived(Self.closeOk) == .endClosed)
        #expect(machine.state == .closed)
        #expect(machine.methodReceived(Self.closeOk) == .ignore)
        #expect(machine.close() == .alreadyClosing)
    }

    @Test func `C44: while we close, theirs is answered too`() {
        var machine = Self.machine(after: Self.handshakes[3])
        _ = machine.close()
        guard case .answerCloseAndEnd = machine.methodReceived(Self.close) else {
            Issue.record("not answered")
            return
        }
        #expect(machine.state == .closed)
    }

    @Test func `C44: before the limits are agreed on, a close just drops the socket`() {
        for before in Self.handshakes[..<2] {
            var machine = Self.machine(after: before)
            #expect(machine.close() == .dropSocket)
            #expect(machine.state == .closed)
        }
        var machine = Self.machine(after: Self.handshakes[2])
        #expect(machine.close() == .sendClose)
    }

    @Test func `C51: blocked, unblocked and a changed secret are told`() {
        var machine = Self.machine(after: Self.handshakes[3])
        #expect(
            machine.methodReceived(.connectionBlocked(ConnectionBlocked(reason: "disk"))) == .blocked(reason: "disk")
        )
        #expect(machine.methodReceived(.connectionUnblocked(ConnectionUnblocked())) == .unblocked)
        #expect(machine.methodReceived(.connectionUpdateSecretOk(ConnectionUpdateSecretOk())) == .secretUpdated)
        #expect(machine.state == .open)
    }
}
