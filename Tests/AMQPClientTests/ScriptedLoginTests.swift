import AMQPClient
import AMQPWire
import NIOPosix
import Testing
import TestSupport

/// Mechanisms, the secret and the choice among endpoints, against a scripted peer.
@Suite struct ScriptedLoginTests {
    /// A peer that offers these mechanisms, asks once more, and ends the handshake.
    private static func challenge(_ peer: ScriptedPeer, _ mechanisms: String, _ answers: Answers) throws {
        let startOk = try peer.greet(mechanisms: mechanisms)
        try peer.send(ConnectionSecure(challenge: Array("Please tell me your password".utf8)), on: 0)
        let secureOk = try peer.expect(ConnectionSecureOk.self, on: 0)
        answers.values.withLock { $0 = (startOk.mechanism, startOk.response, secureOk.response) }
        try peer.send(ConnectionTune(channelMax: 1, frameMax: 8192, heartbeat: 0), on: 0)
        try peer.expect(ConnectionTuneOk.self, on: 0)
        try peer.expect(ConnectionOpen.self, on: 0)
        try peer.send(ConnectionOpenOk(), on: 0)
        try peer.finish()
    }

    private final class Answers: Sendable {
        let values = Monitor<(mechanism: String, response: [UInt8], secure: [UInt8])>(("", [], []))
    }

    static let plain = Array("\0ann\0pw".utf8)
    static let amqplain =
        Array("\u{5}LOGINS".utf8) + [0, 0, 0, 3] + Array("ann\u{8}PASSWORDS".utf8) + [0, 0, 0, 2] + Array("pw".utf8)

    @Test(arguments: LoginMechanism.allCases)
    func `C3 C4: the chosen mechanism answers start, and a challenge in its own way`(mechanism: LoginMechanism) throws {
        let answers = Answers()
        try PeerListener.run { peer in
            try Self.challenge(peer, "X PLAIN AMQPLAIN EXTERNAL RABBIT-CR-DEMO", answers)
        } client: { endpoint in
            var endpoint = endpoint
            endpoint.user = "ann"
            endpoint.password = "pw"
            endpoint.mechanisms = [mechanism]
            try Scripted.connect(endpoint).close(timeout: .seconds(60))
        }
        let (name, response, secure) = answers.values.withLock { $0 }
        #expect(name == mechanism.rawValue)
        switch mechanism {
        case .plain: #expect(response == Self.plain && secure == Self.plain)
        case .amqplain: #expect(response == Self.amqplain && secure == Self.amqplain)
        case .external: #expect(response.isEmpty && secure.isEmpty)
        case .rabbitCRDemo:
            #expect(response == Array("ann".utf8))
            #expect(secure == Array("My password is pw".utf8))
        }
    }

    @Test func `C3: a server without the asked mechanism is told of, with what it offers`() throws {
        let error = try PeerListener.run { peer in
            _ = try? peer.greet(mechanisms: "PLAIN AMQPLAIN")
        } client: { endpoint in
            var endpoint = endpoint
            endpoint.mechanisms = [.external]
            return Scripted.error { [endpoint] () throws(AMQPError) in _ = try Scripted.connect(endpoint) }
        }
        #expect(error?.code == .authenticationFailed)
        #expect(error?.text.contains("PLAIN, AMQPLAIN") == true)
        #expect(error?.text.contains("EXTERNAL") == true)
    }

    @Test func `C66: an updated secret is answered before the call returns`() throws {
        try Scripted.run { connection in
            try connection.updateSecret("new", reason: "renewed")
            try connection.updateSecret("newer", reason: "")
        } peer: { peer in
            try peer.handshake()
            let first = try peer.expect(ConnectionUpdateSecret.self, on: 0)
            #expect(first == ConnectionUpdateSecret(newSecret: Array("new".utf8), reason: "renewed"))
            try peer.send(ConnectionUpdateSecretOk(), on: 0)
            try peer.expect(ConnectionUpdateSecret.self, on: 0)
            try peer.send(ConnectionUpdateSecretOk(), on: 0)
            try peer.finish()
        }
    }

    @Test func `C66: a refused secret is the end of the connection, with the broker's words and not the secret`() throws
    {
        try Scripted.run { connection in
            let error = Scripted.error { () throws(AMQPError) in
                try connection.updateSecret("s3cret", reason: "renewed")
            }
            #expect(error?.code == AMQPError.Code(530))
            #expect(error?.scope == .connection)
            #expect(error?.description.contains("s3cret") == false)
            let later = Scripted.error { () throws(AMQPError) in try connection.updateSecret("x", reason: "") }
            #expect(later == error)
        } peer: { peer in
            try peer.handshake()
            try peer.expect(ConnectionUpdateSecret.self, on: 0)
            try peer.send(
                ConnectionClose(replyCode: 530, replyText: "NOT_ALLOWED - no", classID: 10, methodID: 70),
                on: 0
            )
            try peer.expect(ConnectionCloseOk.self, on: 0)
            try peer.expectEnd()
        }
    }

    @Test func `C63 C66: a secret that is never answered is a timeout, and its late answer is nobody else's`() throws {
        var options = Scripted.options
        options.requestTimeout = .milliseconds(100)
        try Scripted.run(options) { connection in
            let update = { () throws(AMQPError) in try connection.updateSecret("x", reason: "") }
            #expect(Scripted.error(update)?.code == .timeout)
            #expect(Scripted.error(update)?.code == .timeout)
        } peer: { peer in
            try peer.handshake()
            try peer.expect(ConnectionUpdateSecret.self, on: 0)
            try peer.expect(ConnectionUpdateSecret.self, on: 0)
            try peer.send(ConnectionUpdateSecretOk(), on: 0)  // the first one's
            try peer.finish()
        }
    }

    @Test func `C66: what fits no frame is refused here`() throws {
        try Scripted.run { connection in
            let long = String(repeating: "x", count: 9000)
            let error = Scripted.error { () throws(AMQPError) in try connection.updateSecret(long, reason: "") }
            #expect(error?.code == .refusedLocally)
            let wordy = Scripted.error { () throws(AMQPError) in
                try connection.updateSecret("x", reason: String(repeating: "r", count: 256))
            }
            #expect(wordy?.code == .refusedLocally)
        } peer: { peer in
            try peer.handshake()
            try peer.finish()
        }
    }
}
