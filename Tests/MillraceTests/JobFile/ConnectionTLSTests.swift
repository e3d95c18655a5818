import AMQPClient
import Millrace
import Testing

/// `connection` with TLS: the block, the URI, and the two together.
@Suite struct ConnectionTLSTests {
    private static func text(_ connection: String) -> String {
        "version: 1\nconnection:\n\(connection)\njobs: { a: { queue: q, handler: p.h } }\n"
    }

    private static func problems(_ connection: String) -> [String] {
        JobFileFixture.problems(Self.text(connection)).map { "\($0.id): \($0.message)" }
    }

    @Test func `the block is for every amqps URI, and its paths start at the job file's folder`() throws {
        let text = Self.text(
            """
              uri: [amqps://one.example, amqps://two.example/v?heartbeat=5, amqp://three.example]
              tls: { ca_file: certs/ca.pem, cert_file: /etc/c.pem, key_file: k.pem, verify: no_hostname, server_name: mq }
            """
        )
        let bytes = Array(text.utf8)
        let file = try JobFile.parse(bytes: bytes, file: "conf/jobs.yaml", environment: [:])
        let expected = TLSOptions(
            caFile: "conf/certs/ca.pem",
            certificateFile: "/etc/c.pem",
            keyFile: "conf/k.pem",
            verification: .noHostname,
            serverName: .name("mq")
        )
        #expect(file.connection.tls == expected)
        let endpoints = try file.connection.uris.map { try file.connection.endpoint($0) }
        #expect(endpoints.map(\.tls) == [expected, expected, nil])
        #expect(endpoints.map(\.port) == [5671, 5671, 5672])
        #expect(endpoints[1].heartbeatSeconds == 5)
    }

    @Test func `an empty block is full verification by the system's CAs; without a block the URI decides`() throws {
        let empty = try JobFileFixture.parse(Self.text("  uri: amqps://b\n  tls:"))
        #expect(try empty.connection.endpoint("amqps://b").tls == TLSOptions())
        let uri = "amqps://b?verify=verify_none"
        let without = try JobFileFixture.parse(Self.text("  uri: \(uri)"))
        #expect(try without.connection.endpoint(uri).tls?.verification == TLSOptions.Verification.none)
    }

    static let bad: [(connection: String, says: String)] = [
        ("  uri: amqp://b\n  tls: { ca_file: a }", "conflict: 'tls' is for amqps://, and no 'uri' is one"),
        ("  uri: amqps://b?cacertfile=a\n  tls: { ca_file: a }", "conflict: TLS is set in this URI and under 'tls'"),
        ("  uri: amqps://b\n  tls: { key_file: k }", "conflict: 'key_file' without 'cert_file'"),
        ("  uri: amqps://b\n  tls: { verify: peer }", "unknown-value: 'verify' cannot be 'peer'"),
        ("  uri: amqps://b\n  tls: { ca_file: '' }", "bad-name: 'ca_file' is empty"),
        ("  uri: amqps://b\n  tls: { cacertfile: a }", "foreign-word: 'cacertfile' is called 'ca_file' here"),
        ("  uri: amqps://b\n  tls: { ciphers: a }", "unknown-key: unknown key 'ciphers' in 'tls' of 'connection'"),
        ("  uri: amqps://b\n  tls: yes", "wrong-type: "),
        ("  uri: amqps://b\n  ssl: {}", "foreign-word: 'ssl' is called 'tls' here"),
        ("  uri: amqps://b?hartbeat=5", "bad-uri: the connection URI has the unknown query parameter 'hartbeat'"),
        ("  uri: amqp://b?verify=verify_none", "bad-uri: the connection URI has the query parameter 'verify', which"),
        ("  uri: amqp://u:p@b:nowhere", "bad-uri: the connection URI has a port"),
    ]

    @Test(arguments: bad.indices) func `each mistake has one message`(index: Int) {
        let (connection, says) = Self.bad[index]
        let problems = Self.problems(connection)
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix(says) == true, "\(problems)")
    }

    @Test func `no message shows a password, be it the user's or the key's`() {
        let uri = "amqps://ann:s3cret@b?password=s3cret&hartbeat=1&certfile=/c"
        let shown = DiagnosticRenderer.render(JobFileFixture.problems(Self.text("  uri: \(uri)")))
        #expect(shown.contains("unknown query parameter"))
        #expect(shown.contains("password=******&hartbeat"))
        #expect(!shown.contains("s3cret"))
    }
}
