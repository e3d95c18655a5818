import AMQPClient
import AMQPWire
import Foundation
import NIOPosix
import TestSupport
import Testing

/// TLS and the ways to log in, on a real RabbitMQ with certificates made for this run.
@Suite(
    .enabled(if: TLSBroker.isPossible, "needs MILLRACE_RABBITMQ, the ops/rabbitmq command; ops/test sets it"),
    .timeLimit(.minutes(10))
)
struct TLSTests {
    static func connect(_ uri: String, name: String = "millrace tls tests") throws -> Connection {
        var options = ConnectionOptions()
        options.name = name
        return try Connection.connect(
            to: try Endpoint(uri: uri),
            options: options,
            on: MultiThreadedEventLoopGroup.singleton
        )
    }

    private static func failure(_ uri: String) throws -> AMQPError {
        do {
            try Self.connect(uri).close()
        } catch let error as AMQPError {
            #expect(!error.description.contains("s3cret"))
            return error
        }
        throw PeerFailure("\(uri) was connected to")
    }

    private static func onThread(_ body: @escaping @Sendable () throws -> Void) throws {
        let failure = Monitor<(any Error)?>(nil)
        let thread = try WorkerThread.start(name: "tls-tests") {
            do { try body() } catch { failure.withLock { $0 = error } }
        }
        thread.join()
        if let error = failure.withLock({ $0 }) { throw error }
    }

    /// One node for all of it: its start takes longer than everything else.
    @Test func `C3 C4 C6 C14 C15 C66: TLS, its failures, every login, and the life of a connection, on RabbitMQ`()
        throws
    {
        try Self.onThread {
            let broker = try TLSBroker()
            let expired = try broker.listener(certificate: "expired")
            let strict = try broker.listener("{verify,verify_peer},{fail_if_no_peer_cert,true}")
            let old = try broker.listener("{verify,verify_peer},{fail_if_no_peer_cert,true},{versions,['tlsv1.2']}")
            try broker.prepare([expired, strict, old])
            try Self.verified(broker)
            try Self.untrusted(broker, expired: expired.port)
            try Self.wrongPorts(broker)
            try Self.clientCertificates(broker, [strict.port, old.port])
            try Self.files(broker)
            try Self.logins(broker)
            try Self.life(broker)
        }
    }

    // MARK: Passages

    private static func verified(_ broker: TLSBroker) throws {
        let ca = broker.certificates.path("ca.pem")
        for (host, more) in [
            ("127.0.0.1", ""), ("localhost", ""), ("127.0.0.1", "&server_name_indication=mq.example"),
        ] {
            let uri = "amqps://\(host):\(broker.port)?cacertfile=\(ca)\(more)"
            let connection = try Self.connect(uri)
            #expect(connection.endpoint.tls?.verification == .full)
            connection.close()
        }
        let connection = try Self.connect(
            "amqps://localhost:\(broker.port)/%2F?cacertfile=\(ca)&heartbeat=7",
            name: "a name to be found"
        )
        defer { connection.close() }
        #expect(connection.options.heartbeatSeconds == 7)
        let listed = try broker.control("list_connections", "ssl", "timeout", "auth_mechanism", "client_properties")
        let line = listed.split(separator: "\n").first { $0.contains("a name to be found") }
        #expect(line?.hasPrefix("true\t7\tPLAIN\t") == true, "\(listed)")
        try Self.exchangeBodies(on: connection)
        try connection.updateSecret("anything", reason: "the test")  // C66
        #expect(try connection.openChannel().isOpen)
    }

    /// 24 bodies of 1 MiB there and back: more than any buffer on the way, in both directions at once.
    private static func exchangeBodies(on connection: Connection) throws {
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        let queue = try channel.declareQueue("", durable: false, exclusive: true).name
        try channel.prefetch(4)
        let tag = try channel.consume(queue)
        let bodies = (0..<24).map { index in
            var random = Seed(UInt64(index + 1))
            return (0..<(1 << 17)).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
        }
        for body in bodies { try channel.publish(body, exchange: "", routingKey: queue) }
        for body in bodies {
            let delivery = try #require(try channel.nextDelivery(timeout: Patience.long))
            #expect(delivery.body.elementsEqual(body))
            try channel.ack(delivery)
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long).isEmpty)
        try channel.cancel(tag)
        channel.close()
    }

    private static func untrusted(_ broker: TLSBroker, expired: Int) throws {
        let other = broker.certificates.path("other.pem")
        let ca = broker.certificates.path("ca.pem")
        for uri in ["amqps://localhost:\(broker.port)", "amqps://localhost:\(broker.port)?cacertfile=\(other)"] {
            let error = try Self.failure(uri)
            #expect(error.code == .tlsFailed)
            #expect(error.text.contains("is not signed by a CA"), "\(error)")
            #expect(error.advice?.contains("cacertfile") == true)
            #expect(!error.isTransient)
        }
        let wrongHost = try Self.failure(
            "amqps://localhost:\(broker.port)?cacertfile=\(ca)&server_name_indication=nobody.example"
        )
        #expect(wrongHost.code == .tlsFailed)
        #expect(
            wrongHost.text.contains("is not for 'nobody.example', but for localhost, mq.example, 127.0.0.1"),
            "\(wrongHost)"
        )
        let late = try Self.failure("amqps://localhost:\(expired)?cacertfile=\(ca)")
        #expect(late.code == .tlsFailed)
        #expect(late.text.contains("expired on 20"), "\(late)")

        for uri in [
            "amqps://localhost:\(broker.port)?verify=verify_none",
            "amqps://localhost:\(broker.port)?cacertfile=\(ca)&server_name_indication=disable",
            "amqps://localhost:\(expired)?verify=verify_none",
        ] {
            try Self.connect(uri).close()
        }
    }

    private static func wrongPorts(_ broker: TLSBroker) throws {
        let plain = try Self.failure("amqps://localhost:\(broker.plainPort)")
        #expect(plain.code == .tlsFailed)
        #expect("\(plain)".contains("not speak TLS on this port"), "\(plain)")
        #expect(plain.advice?.contains("amqp://") == true)
        let encrypted = try Self.failure("amqp://localhost:\(broker.port)")
        #expect("\(encrypted)".contains("use amqps://"), "\(encrypted)")
        let empty = try Self.failure("amqp://localhost:\(broker.plainPort)/")
        #expect(empty.code.rawValue == 530)
        #expect(empty.advice?.contains("leave the '/' out") == true, "\(empty)")
    }

    private static func clientCertificates(_ broker: TLSBroker, _ ports: [Int]) throws {
        let certificates = broker.certificates
        for port in ports {
            let uri = "amqps://localhost:\(port)?cacertfile=\(certificates.path("ca.pem"))"
            let without = try Self.failure(uri)
            #expect(without.code == .tlsFailed, "\(without)")
            #expect("\(without)".contains("want a client certificate") || "\(without)".contains("wants a client"))
            let stranger = try Self.failure(
                uri + "&certfile=\(certificates.path("stranger.pem"))&keyfile=\(certificates.path("stranger.key"))"
            )
            #expect(stranger.code == .tlsFailed, "\(stranger)")
            let fits = uri + "&certfile=\(certificates.path("client.pem"))&keyfile="
            try Self.connect(fits + certificates.path("client.key")).close()
            try Self.connect(fits + certificates.path("locked.key") + "&password=s3cret").close()
        }
    }

    private static func files(_ broker: TLSBroker) throws {
        let certificates = broker.certificates
        let uri = "amqps://localhost:\(broker.port)?cacertfile=\(certificates.path("ca.pem"))"
        let client = "&certfile=\(certificates.path("client.pem"))"
        let key = { (name: String) in "&keyfile=\(certificates.path(name))" }
        let cases = [
            ("amqps://localhost?cacertfile=/nowhere/ca.pem", "the CA file '/nowhere/ca.pem' can not be read: No such"),
            ("amqps://localhost?cacertfile=/", "the CA file '/' can not be read: Is a directory"),
            ("amqps://localhost?cacertfile=\(certificates.path("ca.key"))", "ca.key' holds no certificate in PEM"),
            (uri + client + key("client.pem"), "client.pem' holds no private key in PEM"),
            (uri + client, "client.pem' holds no private key in PEM"),
            (uri + client + key("server.key"), "server.key' does not fit the certificate"),
            (uri + client + key("locked.key"), "locked.key' is encrypted"),
            (uri + client + key("locked.key") + "&password=s3crets", "is encrypted, with another password"),
        ]
        for (uri, says) in cases {
            let error = try Self.failure(uri)
            #expect(error.code == .tlsFailed)
            #expect(error.text.contains(says), "\(error)")
            #expect(error.advice != nil)
        }
    }

    /// A login by certificate learns its name from the broker, and may write it then.
    private static func learnsLogin(_ connections: [Connection], _ broker: TLSBroker) throws {
        let byCertificate = try #require(connections.last)
        #expect(connections.dropLast().map(\.loginName) == ["ann", "ann", "ann"])
        #expect(byCertificate.loginName == nil)
        byCertificate.learnLogin()
        let name = try #require(byCertificate.loginName)
        #expect(try broker.control("list_connections", "user", "auth_mechanism").contains("\(name)\tEXTERNAL\n"))
        let channel = try byCertificate.openChannel()
        try channel.selectConfirms()
        try channel.publish([1], routingKey: "nowhere", properties: BasicProperties(userID: name))
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
    }

    private static func logins(_ broker: TLSBroker) throws {
        let certificates = broker.certificates
        let uri = "amqps://USER@localhost:\(broker.port)?cacertfile=\(certificates.path("ca.pem"))"
        let client = "&certfile=\(certificates.path("client.pem"))&keyfile=\(certificates.path("client.key"))"
        let ann = uri.replacingOccurrences(of: "USER", with: "ann:pw")
        let connections = try [
            ann, ann + "&auth_mechanism=amqplain", ann + "&auth_mechanism=rabbit-cr-demo",
            uri.replacingOccurrences(of: "USER", with: "bob:no") + client + "&auth_mechanism=external",
        ].map { try Self.connect($0) }
        let listed = try broker.control("list_connections", "user", "auth_mechanism")
        try Self.learnsLogin(connections, broker)
        for connection in connections { connection.close() }
        for mechanism in LoginMechanism.allCases {
            #expect(listed.contains("ann\t\(mechanism.rawValue)\n"), "\(listed)")
        }
        for mechanism in ["plain", "amqplain", "rabbit-cr-demo"] {
            let wrong = uri.replacingOccurrences(of: "USER", with: "ann:s3cret") + "&auth_mechanism=\(mechanism)"
            #expect(try Self.failure(wrong).code.rawValue == 403)
        }
        let without = try Self.failure(ann + "&auth_mechanism=external")
        #expect(without.code.rawValue == 403 || without.code == .authenticationFailed, "\(without)")
    }
}
