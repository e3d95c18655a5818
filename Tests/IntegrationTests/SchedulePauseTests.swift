import AMQPClient
import Glibc
import TestSupport
import Testing

/// `millrace schedules pause` and `resume`, as they are typed, with a supervisor that runs.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere && ExampleFile.isBuilt, "needs AMQP_URL and a debug build; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct SchedulePauseTests {
    private let queue = Broker.unique("resting")
    private let folder: Scratch
    private let connection: Connection
    private let channel: Channel
    private let path: String

    init() throws {
        self.folder = try Scratch()
        self.connection = try Broker.connect()
        self.channel = try self.connection.openChannel()
        self.path = try self.folder.write(
            "jobs.yaml",
            """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            plugins: [\(Tool.root).build/debug/libExamples.so]
            names: { prefix: \(self.queue)- }
            control: { socket: \(self.folder.path)/s.sock, state: \(self.folder.path)/state }
            crash_ledger: false
            queues: { in: {}, out: {} }
            schedules: { beat: { every: 1s, queue: in, body: tick, catch_up: none } }
            jobs: { one: { queue: in, handler: examples.errand, with: { routing_key: out } } }
            """
        )
    }

    private func schedules(_ arguments: String...) throws -> Tool.Result {
        try Tool.run(ExampleFile.millrace, ["schedules"] + arguments + ["--file", self.path])
    }

    private func status() throws -> String {
        try Tool.run(ExampleFile.millrace, ["status", "--file", self.path]).output
    }

    private func run() throws -> Child {
        try Child(
            ExampleFile.millrace,
            ["run", self.path],
            environment: [:],
            folder: Tool.root,
            errors: self.folder.path + "/log"
        )
    }

    private func waits(_ isThere: () throws -> Bool) throws -> Bool {
        let deadline = MonotonicClock.now() + 120_000_000_000
        while MonotonicClock.now() < deadline { if try isThere() { return true } }
        return false
    }

    private func count(_ name: String) throws -> (messages: Int, consumers: Int)? {
        let aside = try self.connection.openChannel()
        defer { if aside.isOpen { aside.close() } }
        guard let found = try? aside.declareQueue("\(self.queue)-\(name)", passive: true) else { return nil }
        return (found.messageCount, found.consumerCount)
    }

    @Test func `a schedule that rests has no consumer of its clock, is shown everywhere, outlives a kill and goes on`()
        throws
    {
        var child = try self.run()
        #expect(try self.waits { (try self.count("out")?.messages ?? 0) > 0 }, "it ticks")
        let refused = try self.schedules("pause", "beet")
        #expect(
            refused.status == 1 && refused.errors == "there is no schedule 'beet'; did you mean 'beat'?\n",
            "\(refused)"
        )
        let paused = try self.schedules("pause", "beat", "--for", "2h", "--reason", "an audit")
        #expect(paused.status == 0 && paused.output.contains("pause it there too"), "\(paused)")
        #expect(
            try self.waits { try self.count("millrace.clock.beat")?.consumers == 0 },
            "nobody is kept from ticking it"
        )
        #expect(try self.status().contains("schedule beat: paused ("))
        let listed = try Tool.run(ExampleFile.millrace, ["schedules", "list", self.path])
        #expect(listed.output.contains("paused by ") && listed.output.contains("\"an audit\""), "\(listed)")
        child.send(SIGKILL)
        _ = child.waitForExit()
        child = try self.run()
        #expect(try self.waits { try self.status().contains("running        1/1") })
        #expect(try self.status().contains("\"an audit\", ends "), "it is kept")
        #expect(try self.count("millrace.clock.beat")?.consumers == 0)
        #expect(try self.schedules("resume", "beat", "--reason", "over").status == 0)
        let before = try self.count("out")?.messages ?? 0
        #expect(try self.waits { (try self.count("out")?.messages ?? 0) > before }, "it ticks again")
        #expect(try !self.status().contains("schedule beat: paused"))
        let history = try Tool.run(ExampleFile.millrace, ["history", "--file", self.path])
        #expect(history.output.contains("resume schedule beat, by "), "\(history)")
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
        for name in ["in", "out", "millrace.clock.beat"] { try self.channel.deleteQueue("\(self.queue)-\(name)") }
        for name in delayQueues(of: "\(self.queue)-in") { try self.channel.deleteQueue(name) }
        self.connection.close()
    }
}
