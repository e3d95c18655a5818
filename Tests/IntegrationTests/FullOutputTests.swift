import AMQPClient
import Foundation
import TestSupport
import Testing

/// `millrace run` whose output nobody reads: a pipe to a program that has stopped, a terminal that is held.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere && Tool.isBuilt, "needs AMQP_URL and a release build; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct FullOutputTests {
    private let folder: Scratch
    private let queue = Broker.unique("full.output")

    init() throws { self.folder = try Scratch() }

    /// A pipe with no room left, as long as nobody reads from the descriptor.
    private func fullPipe(_ name: String) throws -> (path: String, descriptor: Int32) {
        let path = self.folder.path + "/" + name
        try #require(mkfifo(path, 0o600) == 0)
        let descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        let octets = [UInt8](repeating: UInt8(ascii: "x"), count: 4096)
        while write(descriptor, octets, octets.count) > 0 {}
        return (path, descriptor)
    }

    @Test(arguments: [(false, true, 0), (true, false, 74), (true, true, 74)] as [(Bool, Bool, Int32)])
    func `jobs go on, and the end comes`(_ output: Bool, _ errors: Bool, _ status: Int32) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        _ = try channel.declareQueue(self.queue, durable: true)
        let file = try self.folder.write(
            "jobs.yaml",
            """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            plugins: ["\(Tool.plugin)"]
            crash_ledger: false
            queues: { \(self.queue): {} }
            jobs: { work: { queue: \(self.queue), handler: bench.touch } }

            """
        )
        let (full, other) = (try self.fullPipe("out"), try self.fullPipe("err"))
        defer {
            close(full.descriptor)
            close(other.descriptor)
        }
        let child = try Child(
            Tool.millrace,
            ["run", file, "--table", "0.01", "--log-level", "trace"],
            environment: [:],
            folder: Tool.root,
            output: output ? full.path : "/dev/null",
            errors: errors ? other.path : "/dev/null"
        )
        let deadline = MonotonicClock.now() &+ 60_000_000_000
        while try channel.declareQueue(self.queue, passive: true).consumerCount == 0 {
            try #require(MonotonicClock.now() < deadline, "nobody consumes")
        }
        for _ in 0..<1000 { try channel.publish([1], routingKey: self.queue) }
        while try channel.declareQueue(self.queue, passive: true).messageCount > 0 {
            try #require(MonotonicClock.now() < deadline, "nobody works")
        }
        let began = MonotonicClock.now()
        child.send(SIGTERM)
        #expect(child.waitForExit() == status)
        #expect(MonotonicClock.now() - began < 20_000_000_000)
        try channel.deleteQueue(self.queue)
    }
}
