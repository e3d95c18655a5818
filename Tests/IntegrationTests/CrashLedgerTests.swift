import AMQPClient
import AMQPWire
import Foundation
import Millrace
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

    private func jobFile(
        type: String,
        handler: String = "examples.fragile",
        threads: Int = 4,
        tasks: Int = 1,
        prefetch: Int = 50,
        options: String = ""
    ) throws -> String {
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
                handler: \(handler)
                threads: \(threads)
                tasks_per_thread: \(tasks)
                prefetch: \(prefetch)
                with: { routing_key: \(self.output)\(options) }

            """
        )
    }

    /// Numbered messages, and in the middle of them the one that crashes.
    private func publish(_ count: Int, crasher: String? = nil, file: String) throws {
        #expect(try Tool.run(Tool.millrace, ["declare", file]).status == 0)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        var properties = BasicProperties()
        properties.deliveryMode = 2
        for number in 0..<count {
            if let crasher, number == count / 2 {
                try channel.publish(Array(crasher.utf8), routingKey: self.input, properties: properties)
            }
            try channel.publish(Array(String(number).utf8), routingKey: self.input, properties: properties)
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
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

    /// A trap is SIGILL on x86 and SIGTRAP on ARM.
    private static let traps: Set<Int32> = [128 + 4, 128 + 5]

    private static let quiet = ["SWIFT_BACKTRACE": "enable=no"]

    /// Starts it again after each crash, up to ten times.
    private func runUntilDone(_ file: String) throws -> [Tool.Result] {
        var runs: [Tool.Result] = []
        while runs.count < 10, runs.last?.status != 0 {
            runs.append(try Tool.run(Tool.millrace, ["run", file, "--once"], environment: Self.quiet))
        }
        return runs
    }

    /// The crasher is a dead letter that says why, and everything else is done.
    ///
    /// - Returns: How many are done; those that were in hand at a crash may be done twice.
    private func expectOneDeadLetter(_ body: String, error: String = "2 times") throws -> Int {
        let dead = try self.take(self.dead)
        #expect(dead.map(\.body) == [body])
        let headers = try #require(dead.first?.headers)
        #expect(headers["millrace-failure"]?.stringValue == "crashed")
        #expect(headers["millrace-error"]?.stringValue?.contains("2 times") == true)
        #expect(headers["millrace-error"]?.stringValue?.contains(error) == true)
        #expect(headers["millrace-queue"]?.stringValue == self.input)
        let done = try self.take(self.output).map(\.body)
        #expect(Set(done) == Set((0..<Self.good).map(String.init)))
        #expect(try self.length(self.input) == 0)
        return done.count
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
        try self.publish(Self.good, crasher: "trap", file: file)
        let runs = try self.runUntilDone(file)
        let ends = runs.map(\.status)
        #expect(ends.count == 3 && ends[0] == ends[1] && Self.traps.contains(ends[0]) && ends[2] == 0, "\(ends)")
        let done = try self.expectOneDeadLetter("trap")
        // A run that ended in order, and has nobody to remember, leaves no file.
        #expect(access(self.ledger, F_OK) != 0)
        print("\(type): \(done) done for \(Self.good) messages")
        try self.removeQueues()
    }

    @Test func `one that overflows the stack is named as one that traps, and the others are done`() throws {
        let file = try self.jobFile(type: "quorum")
        try self.publish(Self.good, crasher: "overflow", file: file)
        let runs = try self.runUntilDone(file)
        #expect(runs.map(\.status) == [128 + SIGSEGV, 128 + SIGSEGV, 0])
        // Of the four that were in hand the thread's own is the one suspect.
        #expect(runs.dropFirst().allSatisfy { $0.errors.contains("the process died by SIGSEGV") })
        #expect(runs.dropFirst().allSatisfy { $0.errors.contains("suspects=1") })
        _ = try self.expectOneDeadLetter("overflow", error: "by SIGSEGV")
        #expect(access(self.ledger, F_OK) != 0)
        try self.removeQueues()
    }

    @Test(arguments: ["classic", "quorum"])
    func `one that traps among others in hand on its thread: it is found, and none of the others is a dead letter`(
        type: String
    ) throws {
        // Each is kept for many rounds, so that the one that traps has others beside it whichever way it was sent.
        let file = try self.jobFile(
            type: type,
            handler: "examples.fragile_async",
            threads: 2,
            tasks: 16,
            options: ", rounds: 1000"
        )
        try self.publish(Self.good, crasher: "trap", file: file)
        let runs = try self.runUntilDone(file)
        let ends = runs.map(\.status)
        #expect(ends.count == 3 && ends[0] == ends[1] && Self.traps.contains(ends[0]) && ends[2] == 0, "\(ends)")
        // Whoever was beside it in the first crash is a suspect; the second one finds it alone.
        let suspects = runs.compactMap { run in run.errors.firstMatch(of: /suspects=([0-9]+)/).flatMap { Int($0.1) } }
        #expect(suspects.count == 2 && suspects[0] > 1 && suspects[1] == 1, "\(suspects)")
        _ = try self.expectOneDeadLetter("trap")
        #expect(access(self.ledger, F_OK) != 0)
        try self.removeQueues()
    }

    @Test(arguments: ["classic", "quorum"])
    func `killed three times in the middle of good messages: none is a dead letter, all are done`(type: String) throws {
        let file = try self.jobFile(type: type)
        let count = 30_000
        try self.publish(count, file: file)
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

    @Test func `two supervisors of one job file: each keeps its own ledger, and finds it again after a crash`() throws {
        let file = try self.jobFile(type: "classic")
        #expect(try Tool.run(Tool.millrace, ["declare", file]).status == 0)
        // Both crash, and crash again with what their ledgers know by then: the worst that CrashLedger.md announces.
        for known in [[], [2]] as [[UInt32]] {
            let broker = try Broker.connect()
            defer { broker.close() }
            let hold = try broker.openChannel()
            // Nobody gets the crasher before both are there; the broker has it back when it has noticed who died.
            try self.waitForConsumers(0, on: hold)
            while try hold.get(self.input, noAck: false) != nil {}
            let pair = try (0..<2).map { _ in try Tool.start(Tool.millrace, ["run", file], environment: Self.quiet) }
            try self.waitForConsumers(8, on: hold)
            #expect(try self.images().map(\.run.signal) == [0, 0])
            if known == [] { try self.publish(Self.good, crasher: "trap", file: file) }
            hold.close()
            #expect(pair.allSatisfy { Self.traps.contains($0.waitForExit()) })
            let images = try self.images()
            #expect(images.allSatisfy { image in image.run.inHand.count { $0.thread == image.run.thread } == 1 })
            #expect(images.map { $0.suspects.map(\.halves) } == [known, known])
        }
        let last = try Tool.run(Tool.millrace, ["run", file, "--once"], environment: Self.quiet)
        #expect(last.status == 0, "\(last.errors.suffix(2000))")
        _ = try self.expectOneDeadLetter("trap")
        // The first name was taken again and is gone; what the other one knows stays.
        #expect(access(self.ledger, F_OK) != 0)
        #expect(access(self.ledger + "-2", F_OK) == 0)
        try self.removeQueues()
    }

    /// Both ledgers as they are now.
    private func images() throws -> [LedgerImage] {
        try [self.ledger, self.ledger + "-2"].map { path in
            let octets = try Array(Data(contentsOf: URL(filePath: path)))
            return try #require(octets.withUnsafeBytes { LedgerImage($0) }, "\(path) is no ledger")
        }
    }

    private func waitForConsumers(_ count: Int, on channel: Channel) throws {
        let deadline = MonotonicClock.now() + 60_000_000_000
        while try channel.declareQueue(self.input, passive: true).consumerCount != count {
            try #require(MonotonicClock.now() < deadline, "there are never \(count) consumers")
        }
    }

    @Test func `a ledger that is somebody else's file, or can not be written, is a warning and no obstacle`() throws {
        let file = try self.jobFile(type: "classic")
        try self.publish(10, file: file)
        try self.folder.write("jobs.ledger", "not a ledger")
        let first = try Tool.run(Tool.millrace, ["run", file, "--once"])
        #expect(first.status == 0)
        #expect(first.errors.contains("is there and is no crash ledger"))
        #expect(unlink(self.ledger) == 0, "it stays as it is")
        #expect(mkdir(self.ledger, 0o700) == 0)
        let second = try Tool.run(Tool.millrace, ["run", file, "--once"])
        #expect(second.status == 0)
        #expect(second.errors.contains("no crash ledger:"))
        #expect(try self.length(self.output) == 10)
        try self.removeQueues()
    }
}
