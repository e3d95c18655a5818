import AMQPClient
import Glibc
import TestSupport
import Testing

/// Several supervisors as processes of their own, and who asks for all of them.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct FleetTests {
    private let queue = Broker.unique("fleet")
    private let folder: Scratch

    init() throws { self.folder = try Scratch() }

    private func write(_ name: String, threads: Int) throws -> String {
        try self.folder.write(
            name,
            """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            plugins: [\(Tool.root).build/debug/libExamples.so]
            control: { fleet: \(self.queue) }
            crash_ledger: false
            queues: { \(self.queue): {}, \(self.queue).2: {} }
            jobs:
              one: { queue: \(self.queue), handler: examples.fragile, threads: \(threads), with: { routing_key: \(self.queue).2 } }

            """
        )
    }

    private func run(_ path: String) throws -> Child {
        try Child(
            ExampleFile.millrace,
            ["run", path],
            environment: [:],
            folder: Tool.root,
            errors: self.folder.path + "/log"
        )
    }

    private func ask(_ arguments: String...) throws -> Tool.Result {
        try Tool.run(
            ExampleFile.millrace,
            ["status", "--fleet", "--file", self.folder.path + "/jobs.yaml"] + arguments
        )
    }

    /// Asks until the answer is right.
    private func waits(
        _ limit: UInt64 = 120_000_000_000,
        _ arguments: String...,
        isRight: (Tool.Result) -> Bool
    ) throws -> Bool {
        let deadline = MonotonicClock.now() + limit
        repeat {
            let result = try Tool.run(
                ExampleFile.millrace,
                ["status", "--fleet", "--file", self.folder.path + "/jobs.yaml"] + arguments
            )
            if isRight(result) { return true }
        } while MonotonicClock.now() < deadline
        return false
    }

    @Test func `three supervisors, one killed, one frozen, one of another file`() throws {
        let path = try self.write("jobs.yaml", threads: 2)
        let nobody = try self.ask()
        #expect(nobody.status == 1 && nobody.output.contains("no supervisor of fleet '\(self.queue)' answers"))
        var children = try (0..<3).map { _ in try self.run(path) }
        #expect(try self.waits(120_000_000_000, "--expect", "3") { $0.status == 0 && $0.output.contains("6/6") })
        #expect(try self.ask("--expect", "4").output.contains("3 supervisors of 4 answered"))
        let json = try self.ask("--json")
        #expect(
            json.output.hasPrefix("{\"fleet\":\"\(self.queue)\",\"supervisors\":[{\"millrace_fleet\":1,"),
            "\(json)"
        )

        children[0].send(SIGKILL)
        let killed = MonotonicClock.now()
        #expect(
            try self.waits(7_000_000_000) { $0.status == 0 && $0.output.contains(": 2 supervisors\n") },
            "within 7 s"
        )
        #expect(MonotonicClock.now() - killed < 7_000_000_000)
        _ = children[0].waitForExit()

        children[1].send(SIGSTOP)
        let frozen = try self.ask()
        #expect(frozen.status == 1 && frozen.output.contains("has 4 consumers and the answers tell of 2"), "\(frozen)")
        children[1].send(SIGCONT)
        #expect(try self.waits { $0.status == 0 && $0.output.contains(": 2 supervisors\n") })

        children[0] = try self.run(try self.write("other.yaml", threads: 1))
        #expect(
            try self.waits {
                $0.status == 1 && $0.output.contains("the job file differs: ") && $0.output.contains("5/5")
            }
        )
        for child in children { child.send(SIGTERM) }
        for child in children { #expect(child.waitForExit() == 0) }
        // Nothing is left behind but what the job file declares, and where its copies wait.
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for name in [self.queue, self.queue + ".2"] + delayQueues(of: self.queue) { try channel.deleteQueue(name) }
        if let control = Broker.control {
            let names = try control.list("list_queues", "name").compactMap(\.first)
            #expect(!names.contains { $0.hasPrefix(self.queue) }, "\(names)")
        }
    }
}
