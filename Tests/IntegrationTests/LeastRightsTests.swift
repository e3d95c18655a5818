import AMQPClient
import Foundation
import TestSupport
import Testing

/// The rights in `ops/rabbitmq-definitions/definitions.json` are enough, with a broker that holds a user to them.
@Suite(
    .ownThread,
    .enabled(if: Broker.control != nil && ExampleFile.isBuilt, "needs a broker of ours and a debug build"),
    .timeLimit(.minutes(10))
)
struct LeastRightsTests {
    private struct Definitions: Decodable {
        struct Permission: Decodable { let configure, write, read: String }
        let permissions: [Permission]
    }

    private let host = Broker.unique("rights")
    private let user = Broker.unique("millrace")
    private let folder: Scratch
    private let control: BrokerControl
    private let environment: [String: String]

    init() throws {
        self.folder = try Scratch()
        self.control = try #require(Broker.control)
        let data = try Data(contentsOf: URL(filePath: Tool.root + "ops/rabbitmq-definitions/definitions.json"))
        let rights = try #require(try JSONDecoder().decode(Definitions.self, from: data).permissions.first)
        try self.control.run("add_vhost", self.host)
        try self.control.run("add_user", self.user, "secret")
        try self.control.run("set_permissions", "-p", self.host, self.user, rights.configure, rights.write, rights.read)
        let port = try #require(Broker.uri?.firstMatch(of: /:([0-9]+)\//)).output.1
        self.environment = ["AMQP_URL": "amqp://\(self.user):secret@127.0.0.1:\(port)/\(self.host)"]
    }

    private func write(_ prefix: String) throws -> String {
        try self.folder.write(
            "\(prefix).yaml",
            """
            version: 1
            connection: { uri: "${AMQP_URL}" }
            plugins: [\(Tool.root).build/debug/libExamples.so]
            names: { prefix: \(prefix)- }
            control: { socket: \(self.folder.path)/s.sock }
            crash_ledger: false
            exchanges: { events: { type: topic } }
            queues:
              in: { type: quorum, bindings: [{ exchange: events, routing_key: "#" }], dead_letter: { routing_key: dead } }
              dead: { type: quorum }
              bare: {}
              out: { type: quorum }
            schedules: { beat: { every: 1s, queue: in, body: tick } }
            jobs:
              one:
                queue: in
                handler: examples.errand
                retry: { max_attempts: 2, initial_interval: 50ms }
                with: { routing_key: out }
              two: { queue: bare, handler: examples.errand, with: { routing_key: out } }
            """
        )
    }

    @Test func `everything goes within the prefix: declared, consumed, retried, dead-lettered, ticked`() throws {
        defer {
            _ = try? self.control.run("delete_vhost", self.host)
            _ = try? self.control.run("delete_user", self.user)
        }
        let foreign = try Tool.run(
            ExampleFile.millrace,
            ["declare", try self.write("staging")],
            environment: self.environment
        )
        #expect(foreign.status == 77, "\(foreign.errors)")
        let path = try self.write("production")
        let child = try Child(
            ExampleFile.millrace,
            ["run", path],
            environment: self.environment,
            folder: Tool.root,
            errors: self.folder.path + "/log"
        )
        try self.control.run("set_permissions", "-p", self.host, "guest", ".*", ".*", ".*")
        let uri = try #require(self.environment["AMQP_URL"]).replacing("\(self.user):secret", with: "guest:guest")
        let connection = try Broker.connect(to: try Endpoint(uri: uri))
        defer { connection.close() }
        func length(_ name: String) -> Int {
            guard let channel = try? connection.openChannel() else { return 0 }
            defer { if channel.isOpen { channel.close() } }
            return (try? channel.declareQueue("production-\(name)", passive: true).messageCount) ?? 0
        }
        func waits(_ isThere: () -> Bool) -> Bool {
            let deadline = MonotonicClock.now() + 120_000_000_000
            while MonotonicClock.now() < deadline { if isThere() { return true } }
            return false
        }
        #expect(waits { length("out") > 0 }, "it ticks")
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for body in ["fail 1", "reject"] {
            try channel.publish(Array(body.utf8), exchange: "production-events", routingKey: "a")
            try channel.publish(Array(body.utf8), routingKey: "production-bare")
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        #expect(waits { length("dead") == 1 && length("bare.dead") == 1 }, "dead letters, in both ways")
        #expect(waits { length("in") == 0 && length("bare") == 0 && length("out") >= 3 }, "what came again")
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
        let log = try String(contentsOfFile: self.folder.path + "/log", encoding: .utf8)
        #expect(!log.contains("ACCESS_REFUSED") && !log.contains("access to"), "\(log)")
    }
}
