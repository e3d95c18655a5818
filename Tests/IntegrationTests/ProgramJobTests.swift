import AMQPClient
import AMQPWire
import Foundation
import TestSupport
import Testing

/// Jobs whose handlers are programs, run by the built `millrace` on a real RabbitMQ.
@Suite(
    .ownThread,
    .serialized,
    .enabled(if: Broker.isThere && ExampleFile.isBuilt, "needs AMQP_URL and a debug build; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct ProgramJobTests {
    private let scratch: Scratch
    private let connection: Connection
    private let channel: Channel
    private let queue = Broker.unique("program")

    init() throws {
        self.scratch = try Scratch()
        self.connection = try Broker.connect()
        self.channel = try self.connection.openChannel()
        try self.channel.selectConfirms()
    }

    private var dead: String { self.queue + ".dead" }
    private var out: String { self.queue + ".out" }

    private func end() {
        for name in [self.queue, self.dead, self.out] { _ = try? self.channel.deleteQueue(name) }
        self.connection.close()
    }

    /// A job file, declared: `handler` is what stands between the braces, `job` the job's other lines.
    private func file(_ handler: String, job: String = "", top: String = "") throws -> String {
        let file = try self.scratch.write(
            "jobs.yaml",
            """
            version: 1
            connection: { uri: "${AMQP_URL}" }
            queues:
              \(self.queue): { dead_letter: { routing_key: \(self.dead) } }
              \(self.dead): {}
              \(self.out): {}
            jobs:
              work:
                queue: \(self.queue)
                handler: { \(handler) }
                \(job)
            crash_ledger: false
            \(top)
            """
        )
        let declared = try Tool.run(ExampleFile.millrace, ["declare", file], environment: self.environment)
        #expect(declared.status == 0, "\(declared.errors)")
        return file
    }

    private var environment: [String: String] {
        ["AMQP_URL": Broker.uri ?? "", "PIPE": self.scratch.path + "/pipe", "SWIFT_BACKTRACE": "enable=no"]
    }

    private func run(_ file: String) throws -> Tool.Result {
        try Tool.run(ExampleFile.millrace, ["run", "--once", file], environment: self.environment)
    }

    private func publish(_ bodies: [String]) throws {
        for body in bodies { try self.channel.publish(Array(body.utf8), routingKey: self.queue) }
        #expect(try self.channel.awaitConfirms(timeout: Patience.long) == [])
    }

    private func take(_ queue: String) throws -> [Delivery] {
        var all: [Delivery] = []
        while let delivery = try self.channel.get(queue, noAck: true) { all.append(delivery) }
        return all
    }

    private static func isAlive(_ process: String) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        return stat.split(separator: ")").last?.split(separator: " ").first != "Z"
    }

    /// What a program says through a pipe.
    private func hear() throws -> String {
        let pipe = try #require(fopen(self.scratch.path + "/pipe", "r"))
        defer { fclose(pipe) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        guard getline(&line, &capacity, pipe) > 0, let line else { return "" }
        return String(cString: line).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test func `each exit status does to its message what the table says`() throws {
        defer { self.end() }
        let file = try self.file(
            "exec: [sh, -c, 'read code; echo \"code $code\" >&2; exit $code']",
            job: "retry: { max_attempts: 2, initial_interval: 50ms }"
        )
        try self.publish(["0", "65", "75", "81", "3"])
        let ran = try self.run(file)
        #expect(ran.status == 0, "\(ran.errors)")
        let dead = try Dictionary(uniqueKeysWithValues: self.take(self.dead).map { ($0.text, $0) })
        #expect(Set(dead.keys) == ["65", "75", "3"])
        #expect(try dead["65"]?.header("millrace-failure") == "rejected")
        #expect(try dead["65"]?.header("millrace-error") == "exit status 65: code 65")
        for code in ["75", "3"] {
            #expect(try dead[code]?.header("millrace-failure") == "exhausted")
            #expect(try dead[code]?.properties.headers?["millrace-attempt"]?.intValue == 2)
            #expect(try dead[code]?.header("millrace-error") == "exit status \(code): code \(code)")
        }
        #expect(try self.take(self.queue).isEmpty)
        #expect(ran.errors.contains("stderr: code 81"))
    }

    @Test func `properties and headers of a real message are variables, tables are named as left out`() throws {
        defer { self.end() }
        let file = try self.file(
            "exec: [sh, -c, 'env | grep ^MILLRACE_ | sort'], output: { routing_key: \(self.out) }"
        )
        var properties = BasicProperties()
        properties.messageID = "m-1"
        properties.headers = [
            "x-size": .int32(-3), "tenant": .string("a=b"), "ok": .bool(true), "when": .timestamp(7),
            "table": .table([:]),
            "nothing": .void,
        ]
        try self.channel.publish([1, 2], routingKey: self.queue, properties: properties)
        #expect(try self.channel.awaitConfirms(timeout: Patience.long) == [])
        #expect(try self.run(file).status == 0)
        let text = try self.take(self.out).first?.text ?? ""
        let lines = text.split(separator: "\n").map(String.init)
        for line in [
            "MILLRACE_JOB=work", "MILLRACE_QUEUE=\(self.queue)", "MILLRACE_MESSAGE_ID=m-1", "MILLRACE_BODY_BYTES=2",
            "MILLRACE_ROUTING_KEY=\(self.queue)", "MILLRACE_ATTEMPT=1", "MILLRACE_HEADER_X_SIZE=-3",
            "MILLRACE_HEADER_TENANT=a=b", "MILLRACE_HEADER_OK=true", "MILLRACE_HEADER_WHEN=7",
            "MILLRACE_OMITTED=MILLRACE_HEADER_TABLE",
        ] { #expect(lines.contains(line), "\(text)") }
        #expect(!text.contains("NOTHING"))
    }

    @Test func `82 stops the job, and its message stays`() throws {
        defer { self.end() }
        let file = try self.file("exec: [sh, -c, 'echo no disk >&2; exit 82']")
        try self.publish(["a"])
        let ran = try self.run(file)
        #expect(ran.status == 1)
        #expect(ran.errors.contains("exit status 82: no disk"), "\(ran.errors)")
        #expect(try self.take(self.queue).map(\.text) == ["a"])
    }

    @Test func `the timeout of a program ends its grandchild too, and is a failure`() throws {
        defer { self.end() }
        let file = try self.file(
            "exec: [sh, -c, 'sleep 1000 & echo $! >grandchild; wait'], timeout: 5s, grace: 1h",
            job: "retry: { max_attempts: 1 }"
        )
        try self.publish(["a"])
        #expect(try self.run(file).status == 0)
        let dead = try self.take(self.dead)
        #expect(dead.count == 1)
        #expect(
            try dead.first?.header("millrace-error") == "asked to end early, then killed by SIGTERM (signal 15)"
        )
        let grandchild = try String(contentsOfFile: self.scratch.path + "/grandchild", encoding: .utf8)
        #expect(!Self.isAlive(grandchild.trimmingCharacters(in: .newlines)))
    }

    /// Starts a job, waits for its program, stops the supervisor; gives the program's number and the exit status.
    private func drain(_ script: String, top: String) throws -> (program: String, status: Int32) {
        try #require(mkfifo(self.scratch.path + "/pipe", 0o600) == 0)
        let file = try self.file("exec: [sh, -c, '\(script)'], grace: 1h", top: top)
        try self.publish(["a"])
        let child = try Tool.start(ExampleFile.millrace, ["run", file], environment: self.environment)
        let program = try self.hear()
        child.send(SIGTERM)
        return (program, child.waitForExit())
    }

    @Test func `a drain asks the program to end, and what fails by it goes back without an attempt`() throws {
        defer { self.end() }
        let script = "trap \"exit 1\" TERM; echo $$$$ >$PIPE; while :; do sleep 0.01; done"
        let (program, status) = try self.drain(script, top: "shutdown_timeout: 0s\nkill_timeout: 1h")
        #expect(status == 0)
        #expect(!Self.isAlive(program))
        let left = try self.take(self.queue)
        #expect(left.map(\.text) == ["a"])
        #expect(try left.first?.properties.headers?["millrace-attempt"] == nil)
        #expect(try self.take(self.dead).isEmpty)
    }

    @Test func `a program that does not hear ends with the supervisor that does not wait for it`() throws {
        defer { self.end() }
        let script = "trap \"\" TERM; echo $$$$ >$PIPE; while :; do sleep 0.01; done"
        let (program, status) = try self.drain(script, top: "shutdown_timeout: 0s\nkill_timeout: 0s")
        #expect(status == 1)
        // Sent, and it may take a moment.
        let start = ContinuousClock.now
        while Self.isAlive(program), start.duration(to: .now) < Patience.long {}
        #expect(!Self.isAlive(program))
    }

    @Test func `three thousand short ones leave no descriptor, no child and no memory`() throws {
        defer { self.end() }
        let file = try self.file(
            "exec: [sh, -c, 'cat; echo heard >&2'], output: { routing_key: \(self.out) }",
            job: "tasks_per_thread: 8"
        )
        let child = try Tool.start(
            ExampleFile.millrace,
            ["run", "--log-level", "error", file],
            environment: self.environment
        )
        func work(_ count: Int, until total: Int) throws -> (descriptors: Int, kilobytes: Int) {
            try self.publish((0..<count).map(String.init))
            let start = ContinuousClock.now
            while try self.channel.declareQueue(self.out, passive: true).messageCount < total,
                start.duration(to: .now) < Patience.long
            {}
            let process = "/proc/\(child.identifier)"
            let status = try String(contentsOfFile: process + "/statm", encoding: .utf8).split(separator: " ")
            return (
                try FileManager.default.contentsOfDirectory(atPath: process + "/fd").count,
                (Int(status[1]) ?? 0) * 4
            )
        }
        let before = try work(1000, until: 1000)
        let after = try work(2000, until: 3000)
        #expect(try self.channel.declareQueue(self.out, passive: true).messageCount == 3000)
        #expect(after.descriptors <= before.descriptors + 8, "\(before) \(after)")
        #expect(after.kilobytes <= before.kilobytes + 40_000, "\(before) \(after)")
        let children = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
            guard name.first?.isNumber == true,
                let stat = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
                let fields = stat.split(separator: ")").last?.split(separator: " ")
            else { return false }
            return fields.count > 1 && fields[1] == "\(child.identifier)"
        }
        #expect(children.count <= 8, "\(children)")
        child.send(SIGTERM)
        #expect(child.waitForExit() == 0)
    }

    @Test func `check points at the program, in the file`() throws {
        defer { self.end() }
        let file = try self.file("exec: [./no-such-program]")
        let checked = try Tool.run(ExampleFile.millrace, ["check", file], environment: self.environment)
        #expect(checked.status == 78)
        #expect(checked.errors.contains("jobs.yaml:10:23: error: job 'work'"), "\(checked.errors)")
        #expect(checked.errors.contains("there is no file"))
        let ran = try self.run(file)
        #expect(ran.status == 1, "the job fails, not the process: \(ran.errors)")
        #expect(ran.errors.contains("there is no file"))
    }
}
