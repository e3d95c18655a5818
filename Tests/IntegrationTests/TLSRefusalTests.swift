import AMQPClient
import NIOPosix
import NIOSSL
import TestSupport
import Testing

/// Who is refused, by whom, and in which words; no broker is needed.
@Suite(.timeLimit(.minutes(10)))
struct TLSRefusalTests {
    private let files: OddCertificates

    init() throws { self.files = try OddCertificates() }

    /// Why there is no AMQP connection.
    private func refusal(_ peer: TLSPeer, ca: String = "ca", host: String = "localhost", _ more: String = "") throws
        -> AMQPError
    {
        let uri = "amqps://\(host):\(peer.port)?cacertfile=\(self.files.path(ca)).pem\(more)"
        let endpoint = try Endpoint(uri: uri)
        let connection: Connection
        do throws(AMQPError) {
            connection = try Connection.connect(to: endpoint, on: MultiThreadedEventLoopGroup.singleton)
        } catch {
            #expect(!error.description.contains("s3cret"))
            return error
        }
        connection.close()
        throw PeerFailure("a peer that speaks no AMQP was connected to")
    }

    private func peer(_ name: String, clientCA: String? = nil, version: TLSVersion = .tlsv13) throws -> TLSPeer {
        try TLSPeer(
            certificate: self.files.path(name) + ".pem",
            key: self.files.path(name) + ".key",
            clientCA: clientCA.map { self.files.path($0) + ".pem" },
            version: version
        )
    }

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func `a server's certificate gets the refusal that fits what is wrong with it`(version: TLSVersion) throws {
        let cases: [(certificate: String, ca: String, host: String, says: String)] = [
            ("expired", "ca", "localhost", "the server's certificate expired on 2021-01-01 00:00 UTC"),
            ("expired", "ca", "127.0.0.1", "the server's certificate expired on"),
            ("early", "ca", "localhost", "is not valid before 2040-01-01 00:00 UTC"),
            ("clientOnly", "ca", "localhost", "is not one for servers: its extended key usage has no serverAuth"),
            ("expiredClientOnly", "ca", "localhost", "expired on"),
            ("nameless", "ca", "localhost", "is for no host: it has no subject alternative name, and a common name"),
            ("nameless", "ca", "127.0.0.1", "is for no host: it has no subject alternative name, and a common name"),
            ("addressAsName", "ca", "127.0.0.1", "has the address '127.0.0.1' as a DNS name, where it does not count"),
            ("elsewhere", "ca", "localhost", "is not for 'localhost', but for a.example, ::2"),
            ("widest", "ca", "localhost", "is not for 'localhost', but for *, *.example, l*"),
            ("good", "other", "localhost", "is not signed by a CA in '\(self.files.path("other.pem"))': its issuer is"),
            ("good", "namesake", "localhost", "names 'Root CA' as its CA, and the one of that name in"),
            ("self", "ca", "localhost", "is not signed by a CA in '\(self.files.path("ca.pem"))': it is self-signed"),
            ("deep", "ca", "localhost", "its issuer is 'Middle CA'"),
            ("deep", "middle", "localhost", "is signed by 'Root CA', which is not in that file"),
            ("belowOld", "oldMiddle", "localhost", "the CA 'Old CA' in '\(self.files.path("oldMiddle.pem"))', which"),
            ("belowNoCA", "noCA", "localhost", "which signed the server's certificate, is no CA"),
        ]
        for (certificate, ca, host, says) in cases {
            guard let peer = try? self.peer(certificate, version: version) else {
                Issue.record("\(certificate) is of no use")
                continue
            }
            let error = try self.refusal(peer, ca: ca, host: host)
            #expect(error.code == .tlsFailed, "\(certificate): \(error)")
            #expect(error.text.contains(says), "\(certificate) for \(host): \(error)")
            #expect(error.advice != nil, "\(certificate)")
            #expect(!error.isTransient, "\(certificate)")
        }
    }

    @Test func `what is right gets through`() throws {
        for (certificate, ca, host, more) in [
            ("good", "ca", "localhost", ""), ("good", "ca", "127.0.0.1", ""), ("both", "ca", "localhost", ""),
            ("chain", "ca", "localhost", ""), ("self", "self", "localhost", ""),
            ("good", "ca", "localhost", "&server_name_indication=mq.corp.example"),
            ("nameless", "ca", "localhost", "&server_name_indication=disable"),
            ("expired", "ca", "localhost", "&verify=verify_none"),
        ] {
            let error = try self.refusal(self.peer(certificate), ca: ca, host: host, more)
            #expect(error.code == .protocolMismatch, "\(certificate) \(host)\(more): \(error)")
        }
    }

    @Test func `a certificate's names can not reach a terminal`() throws {
        let error = try self.refusal(self.peer("hostile"))
        #expect(error.text.contains("\u{1B}[2J"), "\(error)")
        #expect(!error.description.unicodeScalars.contains("\u{1B}"))
    }

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func `when a server refuses the client's certificate, what is wrong with that one is said`(
        version: TLSVersion
    ) throws {
        let server = try self.peer("good", clientCA: "ca", version: version)
        for (client, says) in [
            ("oldClient", "expired on 2021-01-01"), ("stranger", ""),
            ("serverOnly", "not one for clients: its extended key usage has no"),
        ] {
            let path = self.files.path(client)
            let error = try self.refusal(server, "&certfile=\(path).pem&keyfile=\(path).key")
            #expect(error.code == .tlsFailed, "\(client): \(error)")
            #expect(error.text.contains(says), "\(client): \(error)")
            #expect(error.advice != nil)
        }
        let without = try self.refusal(server)
        #expect("\(without)".contains("want a client certificate") || "\(without)".contains("wants a client"))
        let right = self.files.path("client")
        let good = try self.refusal(server, "&certfile=\(right).pem&keyfile=\(right).key")
        #expect(good.code == .protocolMismatch, "\(good)")
        let locked = "&certfile=\(right).pem&keyfile=\(self.files.path("locked.key"))&password=s3cret"
        #expect(try self.refusal(server, locked).code == .protocolMismatch)
    }

    @Test func `files that can not do are refused without a server`() throws {
        func file(_ name: String) -> String { self.files.path(name) }
        for (query, says) in [
            ("cacertfile=\(file("oldMiddle.pem"))", "holds a CA that expired on 2021-01-01"),
            ("certfile=\(file("oldClient.pem"))&keyfile=\(file("oldClient.key"))", "oldClient.pem' expired on 2021"),
            ("certfile=\(file("serverOnly.pem"))&keyfile=\(file("serverOnly.key"))", "has no clientAuth"),
            ("certfile=\(file("signOnly.pem"))&keyfile=\(file("signOnly.key"))", "key usage has no digitalSig"),
            ("certfile=\(file("client.pem"))&keyfile=\(file("good.key"))", "does not fit the certificate"),
            ("certfile=\(file("client.pem"))&keyfile=\(file("locked.key"))", "is encrypted"),
            ("certfile=\(file("client.pem"))&keyfile=\(file("locked.key"))&password=s3crets", "with another password"),
        ] {
            let endpoint = try Endpoint(uri: "amqps://localhost?\(query)")
            let error = #expect(throws: AMQPError.self) { try endpoint.checkTLSFiles() }
            #expect(error?.text.contains(says) == true, "\(String(describing: error))")
            #expect(error?.description.contains("s3cret") == false)
        }
        try Endpoint(uri: "amqps://localhost?cacertfile=\(file("ca.pem"))").checkTLSFiles()
    }
}
