import AMQPClient
import AMQPWire
import Glibc
import TestSupport
import Testing

/// A message that crashes the process, on a real RabbitMQ, with the built `millrace` started again as systemd would.
@Suite(
    .ownThread,
    .serialized,
    .enabled(if: Broker.isThere && Tool.isBuilt, "needs AMQP_URL and a release build; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct CrashLedgerTests {
    private static let good = 1000
    private let folder: Scratch
    private let input = Broker.unique("crash")
    private var output: String { self.input + ".out" }
    private var dead: String { self.input + ".dead" }
    private var ledger: String { self.folder.path + "/jobs.ledger" }

    init() throws { self.folder = try Scratch() }

    private func jobFile(type: String, threads: Int = 4, prefetch: Int = 50) throws -> String {
        try self.folder.write(
            "jobs.yaml",
            """
            version: 1
            connection: { uri: "${AMQP_URL}" }
            plugins: ["\(Tool.plugin)"]
            crash_ledger: { path: "\(self.ledger)" }
            queues:
              \(self.input): { type: \(type), dead_letter: { routing_key: \(self.dead) } }
              \(self.output): {}
              \(self.dead): {}
            jobs:
              fragile:
                queue: \(self.input)
                handler: examples.fragile
                threads: \(threads)
                prefetch: \(prefetch)
                with: { routing_key: \(self.output) }

            """
        )
    }

    /// Numbered messages, and in the middle of them the one that crashes.
    private func publish(_ count: Int, withTrap: Bool, file: String) throws {
        #expect(try Tool.run(Tool.millrace, ["declare", file]).status == 0)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        var properties = BasicProperties()
        properties.deliveryMode = 2
        for number in 0..<count {
            if withTrap, number == count / 2 {
                try channel.publish(Array("trap".utf8), routingKey: self.input, properties: properties)
            }
            try channel.publish(Array(String(number).utf8), routingKey: self.input, properties: properties)
        }
        #expect(try channel.awaitConfirms(timeout: .seconds(60)) == [])
    }

    /// Takes everything out of a queue.
    private func take(_ queue: String) throws -> [(body: String, headers: FieldTable?)] {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        var messages: [(body: String, headers: FieldTable?)] = []
        while let got = try channel.get(queue, noAck: true) {
            messages.append((String(decoding: got.body, as: UTF8.self), try got.properties.headers))
        }
        return messages
    }

    private func length(_ queue: String) throws -> Int {
        let connection = try Broker.connect()
        defer { connection.close() }
        return try connection.openChannel().declareQueue(queue, passive: true).messageCount
    }

    private func removeQueues() throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for queue in [self.input, self.output, self.dead] { _ = try channel.deleteQueue(queue) }
    }

    @Test(arguments: ["classic", "quorum"])
    func `one that traps among 1,000 good ones: two crashes, then it is a dead letter, and the others are done`(
        type: String
    ) throws {
        let file = try self.jobFile(type: type)
        try self.publish(Self.good, withTrap: true, file: file)
        var ends: [Int32] = []
        while ends.count < 10 {
            let run = try Tool.run(
                Tool.millrace,
                ["run", file, "--once"],
                environment: ["SWIFT_BACKTRACE": "enable=no"]
            )
            ends.append(run.status)
            if run.status == 0 { break }
        }
        // A trap is SIGILL on x86 and SIGTRAP on ARM.
        #expect(ends.count == 3 && ends[0] == ends[1] && [128 + 4, 128 + 5].contains(ends[0]), "\(ends)")
        #expect(ends.last == 0)
        let dead = try self.take(self.dead)
        #expect(dead.map(\.body) == ["trap"])
        let headers = try #require(dead.first?.headers)
        #expect(headers["millrace-failure"]?.stringValue == "crashed")
        #expect(headers["millrace-error"]?.stringValue?.contains("2 times") == true)
        #expect(headers["millrace-queue"]?.stringValue == self.input)
        let done = try self.take(self.output).map(\.body)
        #expect(Set(done) == Set((0..<Self.good).map(String.init)))
        #expect(try self.length(self.input) == 0)
        // A run that ended in order, and has nobody to remember, leaves no file.
        #expect(access(self.ledger, F_OK) != 0)
        print("\(type): \(done.count) done for \(Self.good) messages")
        try self.removeQueues()
    }

    @Test(arguments: ["classic", "quorum"])
    func `killed three times in the middle of good messages: none is a dead letter, all are done`(type: String) throws {
        let file = try self.jobFile(type: type)
        let count = 30_000
        try self.publish(count, withTrap: false, file: file)
        var done = 0
        for _ in 0..<3 {
            let process = try Tool.start(Tool.millrace, ["run", file])
            while try self.length(self.output) < done + 500 {}
            process.send(SIGKILL)
            #expect(process.waitForExit() == 128 + SIGKILL)
            done = try self.length(self.output)
        }
        #expect(done < count)
        let last = try Tool.run(Tool.millrace, ["run", file, "--once"])
        #expect(last.status == 0, "\(last.errors.suffix(2000))")
        #expect(try self.length(self.dead) == 0)
        #expect(Set(try self.take(self.output).map(\.body)) == Set((0..<count).map(String.init)))
        try self.removeQueues()
    }

    @Test func `a ledger that is somebody else's file, or can not be written, is a warning and no obstacle`() throws {
        let file = try self.jobFile(type: "classic")
        try self.publish(10, withTrap: false, file: file)
        try self.folder.write("jobs.ledger", "not a ledger")
        let first = try Tool.run(Tool.millrace, ["run", file, "--once"])
        #expect(first.status == 0)
        #expect(first.errors.contains("this was no crash ledger"))
        #expect(mkdir(self.ledger, 0o700) == 0)
        let second = try Tool.run(Tool.millrace, ["run", file, "--once"])
        #expect(second.status == 0)
        #expect(second.errors.contains("no crash ledger:"))
        #expect(try self.length(self.output) == 10)
        try self.removeQueues()
    }
}
