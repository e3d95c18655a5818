import AMQPClient
import Millrace
import Testing

@Suite struct GoodFileTests {
    private func good(_ environment: [String: String] = [:]) throws -> JobFile {
        try JobFile.load(path: JobFileFixture.folder + "/good.yaml", environment: environment)
    }

    private func at(_ line: Int, _ column: Int) -> Millrace.SourceLocation {
        Millrace.SourceLocation(file: JobFileFixture.folder + "/good.yaml", line: line, column: column)
    }

    @Test func `the connection, plugins and timeouts of a good file`() throws {
        let file = try self.good()
        #expect(file.version == 1)
        #expect(file.warnings == [])
        #expect(
            file.connection
                == ConnectionSettings(
                    uris: ["amqp://guest:guest@localhost", "amqps://b.example"],
                    heartbeat: .seconds(45),
                    name: "5",
                    connectTimeout: .seconds(90),
                    recovery: RecoverySettings(
                        initialInterval: .milliseconds(250),
                        multiplier: 1.5,
                        maxInterval: .seconds(60),
                        jitter: 0
                    ),
                    location: self.at(2, 1)
                )
        )
        #expect(
            file.plugins == [
                PluginReference(
                    path: JobFileFixture.folder + "/.build/release/libExamples.so",
                    location: self.at(9, 5)
                ),
                PluginReference(path: "/opt/other.so", location: self.at(10, 5)),
            ]
        )
        #expect(file.shutdownTimeout == .seconds(40))
        #expect(file.killTimeout == .seconds(2))
    }

    @Test func `the exchanges and queues of a good file`() throws {
        let file = try self.good()
        #expect(
            file.exchanges == [
                ExchangeDefinition(name: "media", type: "topic", location: self.at(19, 3)),
                ExchangeDefinition(
                    name: "audit",
                    type: "x-delayed-message",
                    durable: false,
                    autoDelete: true,
                    internal: true,
                    arguments: ["x-delayed-type": .string("direct")],
                    bindings: [Binding(exchange: "media", routingKey: "#", location: self.at(26, 17))],
                    location: self.at(20, 3)
                ),
            ]
        )
        let deep: ArgumentValue = .array([
            .string("a"), .bool(true), .null, .double(1.5), .table(["k": .string("v")]),
        ])
        #expect(
            file.queues == [
                QueueDefinition(
                    name: "thumbnails",
                    type: .quorum,
                    arguments: ["x-own": .int(5)],
                    bindings: [
                        Binding(
                            exchange: "media",
                            routingKey: "image.*",
                            arguments: ["n": .int(1), "deep": deep],
                            location: self.at(31, 9)
                        )
                    ],
                    deadLetter: DeadLetter(routingKey: "thumbnails.dead", location: self.at(32, 5)),
                    messageTTL: .seconds(3600),
                    maxLength: 1000,
                    location: self.at(28, 3)
                ),
                QueueDefinition(name: "mail", location: self.at(36, 3)),
            ]
        )
    }

    @Test func `the jobs of a good file, with defaults below, a merge key, and variables that become numbers`() throws {
        let file = try self.good(["THREADS": "7", "AMQP_URL": "amqp://a"].filter { $0.key == "THREADS" })
        let deep = OptionValue.object([
            .init(key: "z", value: .array([.int(1), .string("two")])), .init(key: "a", value: .null),
        ])
        #expect(
            file.jobs == [
                JobDefinition(
                    name: "thumbnails",
                    queue: "thumbnails",
                    handler: HandlerName(plugin: "examples", handler: "thumbnail"),
                    threads: 7,
                    prefetch: 24,
                    ack: AckPolicy(mode: .auto, batch: 16),
                    onFailure: .discard,
                    timeout: .seconds(60),
                    publish: PublishPolicy(mode: .none, mandatory: false),
                    with: [
                        "width": .int(320), "ratio": .double(1.5), "label": .string("5"), "price": .string("$5"),
                        "on": .string("yes"), "deep": deep,
                    ],
                    location: self.at(38, 3)
                ),
                JobDefinition(
                    name: "mail",
                    queue: "mail",
                    handler: HandlerName(plugin: "examples", handler: "mail.plain"),
                    threads: 2,
                    prefetch: 50,
                    ack: AckPolicy(mode: .auto, batch: 8),
                    onFailure: .reject,
                    timeout: .seconds(30),
                    location: self.at(48, 3)
                ),
            ]
        )
    }

    @Test func `what is not said has its default`() throws {
        let file = try JobFileFixture.parse(JobFileFixture.withJob())
        let job = JobDefinition(
            name: "a",
            queue: "q",
            handler: HandlerName(plugin: "p", handler: "h"),
            location: Millrace.SourceLocation(file: "jobs.yaml", line: 4, column: 3)
        )
        #expect(file.jobs == [job])
        #expect(
            file.connection
                == ConnectionSettings(
                    uris: ["amqp://a"],
                    location: Millrace.SourceLocation(file: "jobs.yaml", line: 2, column: 1)
                )
        )
        #expect(file.shutdownTimeout == .seconds(25))
        #expect(file.killTimeout == .seconds(5))
    }

    @Test func `CRLF line ends, bare CR and a byte order mark change nothing`() throws {
        let text = try #require(JobFileFixture.text(JobFileFixture.folder + "/good.yaml"))
        let plain = try JobFileFixture.parse(text)
        for lineEnd in ["\r\n", "\r"] {
            let other = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: lineEnd)
            #expect(try JobFileFixture.parse("\u{FEFF}" + other) == plain)
        }
    }

    @Test func `plugins are found from the job file's folder, and always by a path`() {
        #expect(PluginPath.resolve("libA.so", file: "jobs.yaml") == "./libA.so")
        #expect(PluginPath.resolve("./libA.so", file: "jobs.yaml") == "./libA.so")
        #expect(PluginPath.resolve("../b/libA.so", file: "conf/jobs.yaml") == "conf/../b/libA.so")
        #expect(PluginPath.resolve(".//libA.so", file: "/etc/jobs.yaml") == "/etc/libA.so")
        #expect(PluginPath.resolve("/lib/libA.so", file: "/etc/jobs.yaml") == "/lib/libA.so")
    }
}
