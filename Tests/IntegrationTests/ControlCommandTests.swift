import AMQPClient
import Glibc
import TestSupport
import Testing

/// The commands of operators as they type them, with a supervisor that runs as they run it.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct ControlCommandTests {
    private let queue = Broker.unique("commands")
    private let folder: Scratch

    init() throws { self.folder = try Scratch() }

    private func text(_ threads: Int, more: String = "") -> String {
        """
        version: 1
        connection: { uri: "\(Broker.uri ?? "")" }
        plugins: [\(Tool.root).build/debug/libExamples.so]
        control: { socket: \(self.folder.path)/s.sock, state: \(self.folder.path)/state }
        crash_ledger: false
        queues: { \(self.queue): {}, \(self.queue).2: {} }
        jobs:
          one: { queue: \(self.queue), handler: examples.fragile, threads: \(threads), with: { routing_key: \(self.queue).2 } }
        \(more)
        """
    }

    /// One of them, in the folder of the job file.
    private func millrace(_ arguments: String...) throws -> Tool.Result {
        try Tool.run(ExampleFile.millrace, arguments + ["--file", self.folder.path + "/jobs.yaml"])
    }

    private func waits(_ isThere: (String) -> Bool) throws -> Bool {
        let deadline = MonotonicClock.now() + 120_000_000_000
        while MonotonicClock.now() < deadline {
            if isThere(try self.millrace("status").output) { return true }
        }
        return false
    }

    @Test func `scale, pause, plan, reload and drain, as they are typed`() throws {
        let path = try self.folder.write("jobs.yaml", self.text(2))
        #expect(try self.millrace("status").status == 3, "nobody is there")
        let child = try Child(
            ExampleFile.millrace,
            ["run", path],
            environment: [:],
            folder: Tool.root,
            errors: self.folder.path + "/log"
        )
        #expect(try self.waits { $0.contains("running        2/2") })
        let scaled = try self.millrace("scale", "one", "4", "--for", "2h", "--reason", "back fill")
        #expect(scaled.status == 0 && scaled.output == "done\n", "\(scaled)")
        #expect(
            try self.waits {
                $0.contains("running        4/4") && $0.contains("one: threads 4 (file: 2, ")
                    && $0.contains("\"back fill\", ends ")
            }
        )
        #expect(try self.millrace("scale", "one", "0").status == 1)
        let unknown = try self.millrace("pause", "ones")
        #expect(unknown.status == 1 && unknown.errors == "there is no job 'ones'; did you mean 'one'?\n", "\(unknown)")
        let drained = try self.millrace("drain", "one", "--json")
        #expect(drained.status == 0 && drained.output == "{\"done\":true,\"notes\":[]}\n", "\(drained)")
        #expect(try self.millrace("ready", "--json").output == "{\"ready\":true,\"reasons\":[]}\n")
        #expect(try self.millrace("ready", "--live", "--json").output == "{\"live\":true}\n")
        #expect(try self.millrace("status").output.contains("paused"))
        #expect(try self.millrace("ready").status == 0, "who rests is not missed")
        #expect(try self.millrace("dump", "--json").output.hasPrefix("{\"jobs\":["))
        #expect(try self.millrace("resume", "--all").status == 0)
        // Another file: first what it would do, then it.
        let two =
            "  two: { queue: \(self.queue).2, handler: examples.fragile, with: { routing_key: \(self.queue) }, paused: true }"
        try self.folder.write("jobs.yaml", self.text(3, more: two))
        let plan = try self.millrace("plan").output
        #expect(plan.contains("in place          one (threads)") && plan.contains("added             two"), "\(plan)")
        let number = plan.split(separator: " ").dropFirst().first.map(String.init) ?? ""
        #expect(try self.millrace("reload", "--plan", "0000000000000000").status == 1)
        #expect(try self.millrace("reload", "--plan", number).status == 0)
        #expect(try self.waits { $0.contains("running        3/3") && $0.contains("two: paused by its file") })
        // One that is wrong changes nothing, and everybody sees it.
        try self.folder.write("jobs.yaml", self.text(3, more: "  bad: {}"))
        let refused = try self.millrace("reload")
        #expect(refused.status == 78 && refused.errors.contains("nothing has changed"), "\(refused)")
        let status = try Tool.run(ExampleFile.millrace, ["status", "--socket", self.folder.path + "/s.sock"])
        #expect(status.status == 1 && status.output.hasPrefix("RELOAD FAILED "), "\(status)")
        let history = try Tool.run(ExampleFile.millrace, ["history", "--socket", self.folder.path + "/s.sock"])
        #expect(history.output.contains("scale one 4, by ") && history.output.contains("reload, by "), "\(history)")
        #expect(try Tool.run(ExampleFile.millrace, ["drain", "--socket", self.folder.path + "/s.sock"]).status == 0)
        #expect(child.waitForExit() == 0)
        #expect(access(self.folder.path + "/s.sock", F_OK) != 0, "the socket is gone")
        try self.clean()
    }

    @Test func `what was changed survives a kill`() throws {
        let path = try self.folder.write("jobs.yaml", self.text(2))
        for round in 0..<2 {
            let child = try Child(
                ExampleFile.millrace,
                ["run", path],
                environment: [:],
                folder: Tool.root,
                errors: self.folder.path + "/log"
            )
            if round == 0 {
                #expect(try self.waits { $0.contains("running        2/2") })
                #expect(try self.millrace("scale", "one", "5").status == 0)
                #expect(try self.waits { $0.contains("running        5/5") })
                #expect(try self.millrace("pause", "one", "--for", "45s", "--reason", "a kill").status == 0)
            } else {
                // The pause is there again, and ends by itself.
                #expect(try self.waits { $0.contains("one: paused (") && $0.contains("\"a kill\", ends ") })
                #expect(try self.waits { $0.contains("running        5/5") })
            }
            child.send(round == 0 ? SIGKILL : SIGTERM)
            _ = child.waitForExit()
        }
        try self.clean()
    }

    private func clean() throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for home in [self.queue, self.queue + ".2"] {
            for name in [home] + delayQueues(of: home) { try channel.deleteQueue(name) }
        }
    }
}
