import AMQPClient
import AMQPWire
import Testing

@Suite struct ConnectionMachineTests {
    private func machine(channelMax: Int = 0, frameMax: Int = 131_072, heartbeat: Int = 30) -> ConnectionMachine {
        ConnectionMachine(
            settings: HandshakeSettings(
                user: "u",
                password: "p",
                virtualHost: "v",
                channelMax: channelMax,
                frameMax: frameMax,
                heartbeatSeconds: heartbeat
            )
        )
    }

    private static func start(_ mechanisms: String = "PLAIN AMQPLAIN", major: UInt8 = 0, minor: UInt8 = 9) -> Method {
        .connectionStart(
            ConnectionStart(
                versionMajor: major,
                versionMinor: minor,
                serverProperties: FieldTable(),
                mechanisms: Array(mechanisms.utf8),
                locales: Array("en_US".utf8)
            )
        )
    }

    private static func tune(_ channelMax: UInt16, _ frameMax: UInt32, _ heartbeat: UInt16) -> Method {
        .connectionTune(ConnectionTune(channelMax: channelMax, frameMax: frameMax, heartbeat: heartbeat))
    }

    private static let close = Method.connectionClose(
        ConnectionClose(replyCode: 403, replyText: "ACCESS_REFUSED", classID: 0, methodID: 0)
    )

    @Test func `C1 C4: start is answered with PLAIN, tune with tune-ok and open, open-ok opens`() {
        var machine = self.machine()
        guard case .send(let methods) = machine.methodReceived(Self.start()),
            case .connectionStartOk(let ok) = methods[0]
        else { return #expect(Bool(false), "no start-ok") }
        #expect(ok.mechanism == "PLAIN")
        #expect(ok.response == Array("\0u\0p".utf8))
        guard case .negotiated(let agreed, let answers) = machine.methodReceived(Self.tune(2047, 131_072, 60)) else {
            return #expect(Bool(false), "no tune-ok")
        }
        #expect(agreed == Negotiated(channelMax: 2047, frameMax: 131_072, heartbeatSeconds: 30))
        #expect(answers.map(\.id) == [.connectionTuneOk, .connectionOpen])
        #expect(machine.methodReceived(.connectionOpenOk(ConnectionOpenOk())) == .opened)
        #expect(machine.state == .open)
    }

    @Test func `C4: AMQPLAIN is a table without its length`() {
        var machine = self.machine()
        guard case .send(let methods) = machine.methodReceived(Self.start("AMQPLAIN")),
            case .connectionStartOk(let ok) = methods[0]
        else { return #expect(Bool(false), "no start-ok") }
        #expect(
            ok.response == [5] + Array("LOGINS".utf8) + [0, 0, 0, 1, 0x75, 8] + Array("PASSWORDS".utf8) + [
                0, 0, 0, 1, 0x70,
            ]
        )
    }

    @Test func `C4: secure is answered until tune comes`() {
        var machine = self.machine()
        _ = machine.methodReceived(Self.start())
        for _ in 0..<2 {
            guard case .send(let methods) = machine.methodReceived(.connectionSecure(ConnectionSecure(challenge: [1])))
            else {
                return #expect(Bool(false), "no secure-ok")
            }
            #expect(methods.map(\.id) == [.connectionSecureOk])
        }
        guard case .negotiated = machine.methodReceived(Self.tune(0, 0, 0)) else {
            return #expect(Bool(false), "no tune-ok")
        }
    }

    @Test func `C3: no common mechanism fails here, with both lists`() {
        var machine = self.machine()
        guard case .fail(let error) = machine.methodReceived(Self.start("KERBEROS")) else {
            return #expect(Bool(false), "not refused")
        }
        #expect(error.code == .authenticationFailed)
        #expect(error.text.contains("KERBEROS"))
        #expect(error.text.contains("PLAIN"))
    }

    @Test func `C2: another AMQP version in start`() {
        var machine = self.machine()
        guard case .fail(let error) = machine.methodReceived(Self.start(major: 1, minor: 0)) else {
            return #expect(Bool(false), "not refused")
        }
        #expect(error.code == .protocolMismatch)
    }

    static let limits: [(theirs: (UInt16, UInt32, UInt16), ours: (Int, Int, Int), agreed: Negotiated)] = [
        ((0, 0, 0), (0, 0, 10), Negotiated(channelMax: 65535, frameMax: 131_072, heartbeatSeconds: 10)),
        ((100, 8192, 60), (0, 131_072, 30), Negotiated(channelMax: 100, frameMax: 8192, heartbeatSeconds: 30)),
        ((2047, 131_072, 5), (10, 16384, 30), Negotiated(channelMax: 10, frameMax: 16384, heartbeatSeconds: 5)),
        ((2047, 131_072, 60), (0, 131_072, 0), Negotiated(channelMax: 2047, frameMax: 131_072, heartbeatSeconds: 0)),
    ]

    @Test(arguments: 0..<limits.count)
    func `C7 C8: the smaller of two limits, the other's if one is none`(index: Int) {
        let (theirs, ours, agreed) = Self.limits[index]
        var machine = self.machine(channelMax: ours.0, frameMax: ours.1, heartbeat: ours.2)
        _ = machine.methodReceived(Self.start())
        guard case .negotiated(let result, _) = machine.methodReceived(Self.tune(theirs.0, theirs.1, theirs.2)) else {
            return #expect(Bool(false), "no tune-ok")
        }
        #expect(result == agreed)
    }

    @Test func `C9: a frame-max under the protocol's floor is refused`() {
        var machine = self.machine()
        _ = machine.methodReceived(Self.start())
        guard case .fail(let error) = machine.methodReceived(Self.tune(0, 1024, 0)) else {
            return #expect(Bool(false), "not refused")
        }
        #expect(error.code == .negotiationFailed)
    }

    @Test(arguments: 0..<4)
    func `C6 C44: a close in any state is answered and carries its code`(steps: Int) {
        var machine = self.machine()
        for step in [Self.start(), Self.tune(0, 0, 0), .connectionOpenOk(ConnectionOpenOk())].prefix(steps) {
            _ = machine.methodReceived(step)
        }
        guard case .answerCloseAndEnd(let error) = machine.methodReceived(Self.close) else {
            return #expect(Bool(false), "not answered")
        }
        #expect(error.code.rawValue == 403)
        #expect(error.scope == .connection)
    }

    @Test func `C6: the end of the socket means something else in each state`() {
        var codes: [AMQPError.Code] = []
        for steps in 0..<4 {
            var machine = self.machine()
            for step in [Self.start(), Self.tune(0, 0, 0), .connectionOpenOk(ConnectionOpenOk())].prefix(steps) {
                _ = machine.methodReceived(step)
            }
            codes.append(machine.endOfFileReceived().code)
        }
        #expect(codes == [.connectionLost, .authenticationFailed, .negotiationFailed, .connectionLost])
    }

    @Test func `C22: a method that does not fit the state is refused with 503`() {
        var machine = self.machine()
        guard case .refuse(_, let code) = machine.methodReceived(.connectionOpenOk(ConnectionOpenOk())) else {
            return #expect(Bool(false), "not refused")
        }
        #expect(code == .commandInvalid)
    }

    @Test func `C44: while closing, everything but close and close-ok is dropped`() {
        var machine = self.machine()
        for step in [Self.start(), Self.tune(0, 0, 0), .connectionOpenOk(ConnectionOpenOk())] {
            _ = machine.methodReceived(step)
        }
        #expect(machine.close() == .sendClose)
        #expect(machine.close() == .alreadyClosing)
        #expect(machine.methodReceived(.connectionUnblocked(ConnectionUnblocked())) == .ignore)
        #expect(machine.methodReceived(.connectionCloseOk(ConnectionCloseOk())) == .endClosed)
    }
}
