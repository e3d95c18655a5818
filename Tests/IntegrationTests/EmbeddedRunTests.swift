import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// `uri: embedded`, as people use it: one process with its broker, and the other commands beside it.
///
/// No RabbitMQ is needed; the debug build of the command is.
@Suite(.ownThread, .enabled(if: ExampleFile.isBuilt, "needs the debug build"), .timeLimit(.minutes(10)))
struct EmbeddedRunTests {
    private let folder: Scratch
    private var path: String { self.folder.path + "/jobs.yaml" }

    init() throws { self.folder = try Scratch() }

    private func write(_ uri: String = "embedded", connection: String = "", more: String = "") throws {
        try self.folder.write(
            "jobs.yaml",
            """
            version: 1
            connection: { uri: '\(uri)'\(connection) }
            plugins: [\(Tool.root).build/debug/libExamples.so]
            control: { socket: \(self.folder.path)/s.sock, fleet: embedded }
            crash_ledger: false
            defaults:
              on_failure: retry
              retry: { max_attempts: 3, initial_interval: 50ms, max_interval: 100ms, jitter: 0 }
            queues:
              plain: { dead_letter: { routing_key: plain.dead } }
              plain.dead: {}
              quorum: { type: quorum, dead_letter: { routing_key: plain.dead } }
              out: {}
              ticks: {}
              ticked: {}
            schedules:
              beat: { every: 1s, queue: ticks, body: beat, catch_up: all }
            jobs:
              batch:
                queue: plain
                handler: examples.errand
                threads: 2
                publish: { mode: confirm, batch: { size: 5, timeout: 20ms } }
                with: { routing_key: out }
              tx:
                queue: quorum
                handler: examples.errand
                threads: 2
                publish: { mode: tx, batch: { size: 5 } }
                with: { routing_key: out }
              ticks: { queue: ticks, handler: examples.errand, with: { routing_key: ticked } }
            \(more)
            """
        )
    }

    /// A command beside the supervisor.
    private func millrace(_ arguments: String..., input: String = "") throws -> Tool.Result {
        try Tool.run(ExampleFile.millrace, arguments, input: input)
    }

    private func start(_ arguments: String...) throws -> Child {
        try Child(
            ExampleFile.millrace,
            ["run", self.path] + arguments,
            environment: [:],
            folder: Tool.root,
            errors: self.folder.path + "/log"
        )
    }

    private var log: String { (try? String(contentsOfFile: self.folder.path + "/log", encoding: .utf8)) ?? "" }

    /// Connects as any client of this machine, by the address in the log.
    private func connect() throws -> Connection {
        #expect(try Patience.sees { try self.millrace("ready", "--file", self.path).status == 0 }, "\(self.log)")
        let address = try #require(self.log.firstMatch(of: /amqp:\/\/guest:guest@127\.0\.0\.1:[0-9]+/)).0
        return try Broker.connect(to: Endpoint(uri: String(address)))
    }

    @Test(arguments: ["embedded", "embedded:?profile=4.0", "embedded:?profile=4.3"])
    func
        `a whole job file runs: retries, dead letters, outputs in batches and transactions, schedules, and the end says what is gone`(
            uri: String
        ) throws
    {
        try self.write(uri)
        let child = try self.start()
        let connection = try self.connect()
        let channel = try connection.openChannel()
        for (queue, count) in [("plain", 20), ("quorum", 20)] {
            let lines = (1...count).map { "\($0.isMultiple(of: 5) ? "fail 2" : "go") \($0)\n" }.joined()
            let sent = try self.millrace(
                "publish",
                "--file",
                self.path,
                "--routing-key",
                queue,
                "--lines",
                input: lines
            )
            #expect(sent.status == 0 && sent.output == "published 20 messages\n", "\(sent)")
            let hopeless = try self.millrace(
                "publish",
                "--file",
                self.path,
                "--routing-key",
                queue,
                "--body",
                "fail 9 x"
            )
            #expect(hopeless.status == 0, "\(hopeless)")
        }
        #expect(try Patience.sees { try channel.declareQueue("out", passive: true).messageCount == 40 }, "\(self.log)")
        #expect(try Patience.sees { try channel.declareQueue("plain.dead", passive: true).messageCount == 2 })
        #expect(try Patience.sees { try channel.declareQueue("ticked", passive: true).messageCount >= 2 })
        var bodies: [String: Int] = [:]
        for _ in 0..<40 {
            let delivery = try #require(try channel.get("out", noAck: true))
            bodies[String(decoding: delivery.body, as: UTF8.self), default: 0] += 1
        }
        #expect(bodies.count == 20 && bodies.values.allSatisfy { $0 == 2 }, "\(bodies)")
        connection.close()

        child.send(SIGTERM)
        #expect(child.waitForExit() == 0, "\(self.log)")
        let first = try #require(self.log.split(separator: "\n").first)
        #expect(first.contains("the broker is in this process, in memory: for development and tests"), "\(first)")
        let last = try #require(self.log.split(separator: "\n").last)
        #expect(last.contains("the broker in this process has ended, and what was left in it is gone"), "\(last)")
        #expect(last.contains("plain.dead 2") && last.contains("ticked "), "\(last)")
        #expect(!last.contains("out "), "an empty queue is not named")
    }

    @Test func `outputs with a connection of their own, and nothing left at the end`() throws {
        try self.write(connection: ", publishing: separate")
        let text = try String(contentsOfFile: self.path, encoding: .utf8)
        let lines = text.split(separator: "\n").filter { !$0.contains("beat:") && $0 != "schedules:" }
        try self.folder.write("jobs.yaml", lines.joined(separator: "\n") + "\n")
        let report = self.folder.path + "/report.json"
        let child = try self.start("--report", report)
        let connection = try self.connect()
        let channel = try connection.openChannel()
        try channel.consume("out", tag: "c", noAck: true)
        let input = (1...10).map { "go \($0)\n" }.joined()
        let sent = try self.millrace("publish", "--file", self.path, "--routing-key", "plain", "--lines", input: input)
        #expect(sent.status == 0, "\(sent)")
        for _ in 1...10 { #expect(try channel.nextDelivery(timeout: Patience.long) != nil) }
        // Its broker ends with it, so not before all of them have come.
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
        #expect(self.log.contains("the broker in this process has ended; no message was left in it"), "\(self.log)")
        let written = try String(contentsOfFile: report, encoding: .utf8)
        #expect(written.contains("\"left_in_memory\":{\"out\":0,"), "\(written)")
        connection.close()
    }

    @Test func `every command finds the broker by the job file, and says that it is in memory`() throws {
        try self.write()
        let check = try self.millrace("check", self.path)
        #expect(check.status == 0, "\(check)")
        let memory = "broker: in the supervisor's process and in memory, as RabbitMQ 3.10; nothing survives its end\n"
        #expect(check.output.hasPrefix(memory), "\(check.output)")
        let child = try self.start()
        try self.connect().close()
        let status = try self.millrace("status", "--file", self.path)
        #expect(status.status == 0, "\(status)")
        #expect(
            status.output.contains(
                /connection up, RabbitMQ 3\.10\.8 at .*; it is in memory, and gone with this process\n/
            ),
            "\(status.output)"
        )
        let json = try self.millrace("status", "--json", "--file", self.path).output
        #expect(json.contains(/"in_memory":true,"uri":"amqp:\/\/guest:guest@127\.0\.0\.1:[0-9]+"/), "\(json)")
        let ready = try self.millrace("ready", "--file", self.path)
        #expect(ready.status == 0 && ready.output.hasPrefix("ready; the broker is in memory"), "\(ready)")
        #expect(try self.millrace("top", "--once", "--file", self.path).status == 0)
        #expect(try self.millrace("declare", self.path).status == 0)
        #expect(try self.millrace("schedules", "run", self.path, "beat").status == 0)
        let letter = try self.millrace("publish", "--file", self.path, "--routing-key", "plain", "--body", "reject")
        #expect(letter.status == 0, "\(letter)")
        #expect(
            try Patience.sees {
                try self.millrace("failed", "list", "batch", "--file", self.path).output.contains("nothing can help it")
            }
        )
        let delays = try self.millrace("delays", "list", "plain", "--file", self.path)
        #expect(delays.status == 0, "\(delays)")
        let plan = try self.millrace("plan", "--file", self.path)
        #expect(plan.status == 0, "\(plan)")
        // Answers come by direct reply-to.
        let fleet = try self.millrace("status", "--fleet", "--expect", "1", "--wait", "60s", "--file", self.path)
        #expect(fleet.status == 0, "\(fleet)")
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
    }

    @Test func `where no supervisor runs, one sentence says so, with status 3`() throws {
        try self.write()
        let sentence =
            "the broker of \(self.path) is inside its supervisor and in memory, and none runs: nobody is at \(self.folder.path)/s.sock; start it with: millrace run \(self.path)\n"
        for arguments in [
            ["declare", self.path], ["publish", "--file", self.path, "--routing-key", "plain", "--body", "x"],
            ["failed", "list", "batch", "--file", self.path], ["delays", "list", "plain", "--file", self.path],
            ["schedules", "run", self.path, "beat"], ["status", "--fleet", "--file", self.path],
        ] {
            let result = try Tool.run(ExampleFile.millrace, arguments)
            #expect(result.status == 3 && result.errors == sentence, "\(arguments) \(result)")
        }
        let publish = ["publish", "--routing-key", "plain", "--body", "x"]
        let inEnvironment = try Tool.run(ExampleFile.millrace, publish, environment: ["AMQP_URL": "embedded"])
        #expect(inEnvironment.status == 64, "\(inEnvironment)")
        #expect(inEnvironment.errors.contains("--file JOBFILE finds the one that runs"), "\(inEnvironment)")
        let both = try Tool.run(ExampleFile.millrace, publish + ["--uri", "amqp://a", "--file", self.path])
        #expect(both.status == 64, "\(both)")
    }

    @Test func `a reload neither leaves the broker nor changes it, and the file is named until one is good`() throws {
        try self.write()
        let child = try self.start()
        let connection = try self.connect()
        for other in ["amqp://127.0.0.1:1", "embedded:?profile=4.3"] {
            try self.write(other)
            let plan = try self.millrace("plan", "--file", self.path)
            #expect(plan.output.contains("connection: a reload refuses this"), "\(plan)")
            let reload = try self.millrace("reload", "--file", self.path)
            #expect(
                reload.status == 78 && reload.errors.contains("can not leave or change the embedded broker"),
                "\(reload)"
            )
            let status = try self.millrace("status", "--file", self.path)
            #expect(status.status == 1 && status.output.hasPrefix("RELOAD FAILED "), "\(status)")
        }
        try self.write(more: "  two: { queue: plain, handler: examples.errand, with: { routing_key: out } }\n")
        let good = try self.millrace("reload", "--file", self.path)
        #expect(good.status == 0, "\(good)")
        let channel = try connection.openChannel()
        #expect(channel.isOpen, "it is the same broker")
        #expect(try Patience.sees { try self.millrace("status", "--file", self.path).status == 0 })
        connection.close()
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
    }

    @Test func `a reload does not come to the embedded broker from another one`() throws {
        try self.write("amqp://127.0.0.1:1")
        let child = try self.start()
        #expect(
            try Patience.sees { try self.millrace("status", "--file", self.path).status == 1 },
            "it waits for its broker"
        )
        try self.write()
        let reload = try self.millrace("reload", "--file", self.path)
        #expect(
            reload.status == 78 && reload.errors.contains("a reload can not change to the embedded broker"),
            "\(reload)"
        )
        let publish = try self.millrace("publish", "--file", self.path, "--routing-key", "plain", "--body", "x")
        #expect(publish.status == 3 && publish.errors.contains("the one that runs has another broker"), "\(publish)")
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
    }

    @Test func `a port that is taken ends run with 69; one that was chosen is found though nobody can be asked`() throws
    {
        try self.write()
        let child = try self.start()
        let connection = try self.connect()
        let other = self.folder.path + "/other.yaml"
        let port = connection.endpoint.port
        let text = try String(contentsOfFile: self.path, encoding: .utf8)
            .replacing("uri: 'embedded'", with: "uri: 'embedded:\(port)'")
            .replacing("control: { socket: \(self.folder.path)/s.sock, fleet: embedded }", with: "control: false")
        try self.folder.write("other.yaml", text)
        let taken = try self.millrace("run", other)
        #expect(
            taken.status == 69 && taken.errors.contains("the broker in this process can not be started"),
            "\(taken)"
        )
        let sent = try self.millrace("publish", "--file", other, "--routing-key", "plain", "--body", "go")
        #expect(sent.status == 0, "\(sent)")
        try self.folder.write("other.yaml", text.replacing("embedded:\(port)", with: "embedded"))
        let unknown = try self.millrace("publish", "--file", other, "--routing-key", "plain", "--body", "go")
        #expect(unknown.status == 3 && unknown.errors.contains("write one, uri: embedded:5673"), "\(unknown)")
        connection.close()
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
    }
}
