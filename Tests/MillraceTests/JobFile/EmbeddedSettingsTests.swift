import AMQPClient
import Millrace
import Testing

/// `uri: embedded`: what it says, and what it does not go together with.
@Suite struct EmbeddedSettingsTests {
    private static func text(_ connection: String) -> String {
        "version: 1\nconnection: { \(connection) }\njobs: { a: { queue: q, handler: p.h } }\n"
    }

    private static func problems(_ connection: String) -> [String] {
        JobFileFixture.problems(Self.text(connection)).map { "\($0.id): \($0.message)" }
    }

    @Test(arguments: [
        ("embedded", EmbeddedSettings()), ("'embedded:'", EmbeddedSettings()), ("Embedded", EmbeddedSettings()),
        ("embedded:5673", EmbeddedSettings(port: 5673)), ("[ embedded ]", EmbeddedSettings()),
        ("'embedded?profile=4.0'", EmbeddedSettings(release: "4.0")),
        ("'embedded:?profile=4.3'", EmbeddedSettings(release: "4.3")),
        (
            "'embedded:5673?memory=1GiB&profile=4.3'",
            EmbeddedSettings(port: 5673, release: "4.3", memory: 1 << 30)
        ),
        ("'embedded:?memory=64MiB'", EmbeddedSettings(memory: 64 << 20)),
    ])
    func `port, profile and memory are read, and each may be left out`(uri: String, settings: EmbeddedSettings) throws {
        let file = try JobFileFixture.parse(Self.text("uri: \(uri)"))
        #expect(file.connection.embedded == settings)
        #expect(file.warnings == [])
    }

    @Test(arguments: [
        ("embedded:0", "behind 'embedded:' stands a port"), ("'embedded:x'", "behind 'embedded:' stands a port"),
        ("'embedded::5673'", "behind 'embedded:' stands a port"),
        ("embedded:65536", "behind 'embedded:' stands a port"),
        ("embedded://localhost", "behind 'embedded:' stands a port"),
        ("'embedded:?profile=3.9'", "'profile' is a release of RabbitMQ"),
        ("'embedded:?profile'", "'profile' is a release of RabbitMQ"),
        ("'embedded:?memory=64'", "'memory' is a size"), ("'embedded:?memory=0MiB'", "'memory' is a size"),
        ("'embedded:?memory=-1GiB'", "'memory' is a size"),
        ("'embedded:?memory=9999999999999999999GiB'", "'memory' is a size"),
        ("'embedded:?disk=1'", "'embedded' has no such parameter"),
        ("'embedded:?memory=1GiB&memory=2GiB'", "'embedded' has a parameter twice"),
    ])
    func `what means nothing is an error, and what to write is said`(uri: String, message: String) throws {
        let problems = JobFileFixture.problems(Self.text("uri: \(uri)"))
        #expect(problems.map(\.id) == ["bad-uri"])
        #expect(problems.first?.message.hasPrefix(message) == true, "\(problems)")
        #expect(problems.first?.help != nil)
    }

    @Test func `it stands alone, and without TLS`() throws {
        let alone = "conflict: 'embedded' stands alone: the broker in this process is no node of others"
        #expect(Self.problems("uri: [ amqp://a, 'embedded:5673' ]") == [alone])
        #expect(Self.problems("uri: [ embedded, 'embedded:?profile=4.3' ]") == [alone, alone])
        #expect(
            Self.problems("uri: embedded, tls: {}")
                == ["conflict: 'tls' is for amqps://, and the embedded broker speaks to this machine alone"]
        )
    }

    @Test func `outputs may have a connection of their own, and all else of the block holds`() throws {
        let file = try JobFileFixture.parse(Self.text("uri: embedded, publishing: separate, heartbeat: 5s, name: dev"))
        #expect(file.connection.publishing == .separate)
        #expect(file.connection.heartbeat == .seconds(5))
    }

    @Test func `other brokers are not it`() throws {
        #expect(try JobFileFixture.parse(Self.text("uri: amqp://embedded")).connection.embedded == nil)
        #expect(Self.problems("uri: embeddedx").first?.hasPrefix("bad-uri: not a URI that this version knows") == true)
        let connection = try JobFileFixture.parse(Self.text("uri: embedded")).connection
        let error = #expect(throws: AMQPError.self) { _ = try connection.endpoint("embedded") }
        #expect(error?.text == "the embedded broker is inside the supervisor that runs, which knows its port")
    }
}
