import AMQPClient
import AMQPWire
import Foundation
import Glibc
import TestSupport
import Testing

/// `millrace rebalance`: from one address of a broker to another while messages are worked off.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere && ExampleFile.isBuilt, "needs AMQP_URL and a debug build; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct RebalanceTests {
    private let queue = Broker.unique("moving")
    private let folder: Scratch
    private let connection: Connection
    private let channel: Channel

    init() throws {
        self.folder = try Scratch()
        self.connection = try Broker.connect()
        self.channel = try self.connection.openChannel()
        try self.channel.selectConfirms()
    }

    /// The broker of the tests by two names.
    private static let addresses: [String] = {
        let uri = Broker.uri ?? ""
        return ["127.0.0.1", "localhost"].map { uri.replacing("127.0.0.1", with: $0).replacing("localhost", with: $0) }
    }()

    private func write(_ uris: [String], queues: String = "{}") throws -> String {
        let list = uris.map { "\"\($0)\"" }.joined(separator: ", ")
        return try self.folder.write(
            "jobs.yaml",
            """
            version: 1
            connection: { uri: [\(list)] }
            plugins: [\(Tool.root).build/debug/libExamples.so]
            names: { prefix: \(self.queue)- }
            control: { socket: \(self.folder.path)/s.sock }
            crash_ledger: false
            queues: { in: \(queues), out: {}, in.dead: {} }
            jobs:
              one:
                queue: in
                handler: examples.errand
                threads: 4
                prefetch: 10
                retry: { max_attempts: 3, initial_interval: 50ms }
                with: { routing_key: out }
            """
        )
    }

    private func millrace(_ arguments: String...) throws -> Tool.Result {
        try Tool.run(ExampleFile.millrace, arguments + ["--file", self.folder.path + "/jobs.yaml"])
    }

    private func run() throws -> Child {
        try Child(
            ExampleFile.millrace,
            ["run", self.folder.path + "/jobs.yaml"],
            environment: [:],
            folder: Tool.root,
            errors: self.folder.path + "/log"
        )
    }

    private func waits(_ isThere: () throws -> Bool) throws -> Bool {
        let deadline = MonotonicClock.now() + 180_000_000_000
        while MonotonicClock.now() < deadline { if try isThere() { return true } }
        return false
    }

    private func length(_ name: String) throws -> Int {
        try self.channel.declareQueue("\(self.queue)-\(name)", passive: true).messageCount
    }

    private func clean() throws {
        for name in ["in", "out", "in.dead"] { try self.channel.deleteQueue("\(self.queue)-\(name)") }
        for name in delayQueues(of: "\(self.queue)-in") { try self.channel.deleteQueue(name) }
        self.connection.close()
    }

    private func address() throws -> String {
        let status = try self.millrace("status", "--json").output
        return try #require(status.firstMatch(of: /"address":"([^"]+)"/)).output.1.description
    }

    @Test func `jobs go over while they work: each message is handled once, and the old connection is closed`() throws {
        _ = try self.write(Self.addresses)
        let child = try self.run()
        #expect(try self.waits { try self.millrace("status").output.contains("running        4/4") })
        let count = 2000
        for number in 0..<count {
            // Some of them are on their way for longer, some come again.
            let body =
                number % 100 == 7 ? "fail 1 \(number)" : number % 50 == 3 ? "nap 200 \(number)" : "nap 2 \(number)"
            try self.channel.publish(Array(body.utf8), routingKey: "\(self.queue)-in")
        }
        #expect(try self.channel.awaitConfirms(timeout: Patience.long) == [])
        for _ in 0..<3 {
            let before = try self.address()
            let moved = try self.millrace("rebalance", "--reason", "a rolling restart")
            #expect(moved.status == 0 && moved.output.hasPrefix("done\nfrom "), "\(moved)")
            #expect(try self.address() != before)
            #expect(try self.waits { try !self.millrace("status").output.contains("; finishing at ") })
        }
        #expect(try self.waits { try self.length("out") >= count })
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
        var bodies: [String] = []
        while let delivery = try self.channel.get("\(self.queue)-out", noAck: true) { bodies.append(delivery.text) }
        #expect(bodies.count == count, "nothing twice")
        #expect(Set(bodies).count == count, "nothing lost")
        #expect(try self.length("in") == 0)
        #expect(try self.length("in.dead") == 0)
        let log = try String(contentsOfFile: self.folder.path + "/log", encoding: .utf8)
        #expect(log.components(separatedBy: "the old connection is closed").count == 4, "\(log)")
        #expect(!log.contains("connecting again"), "it was never without one")
        try self.clean()
    }

    @Test func `who can not go anywhere stays, and says why`() throws {
        let nowhere = "amqp://guest:guest@127.0.0.1:1/"
        _ = try self.write([Self.addresses[0], nowhere])
        let child = try self.run()
        #expect(try self.waits { try self.millrace("status").output.contains("running        4/4") })
        let before = try self.address()
        let refused = try self.millrace("rebalance")
        #expect(refused.status == 1 && refused.errors.contains("it stays where it is: 127.0.0.1:1"), "\(refused)")
        let unknown = try self.millrace("rebalance", "--to", "elsewhere")
        #expect(unknown.status == 1 && unknown.errors.contains("there is no other broker 'elsewhere'"), "\(unknown)")
        #expect(try self.address() == before)
        #expect(try self.millrace("ready").status == 0)
        #expect(try self.millrace("ready", "--live").status == 0)
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
        try self.clean()
    }
}
