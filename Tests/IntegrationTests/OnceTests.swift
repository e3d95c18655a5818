import AMQPClient
import Logging
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Takes its time: until it should end.
private struct Slow: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        while !context.isCancelled { Busy.block(for: .milliseconds(1)) }
        return .ack
    }
}

/// Does what its message says.
private struct Brief: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        switch String(decoding: message.bodyBytes, as: UTF8.self) {
        case "stop": .stop("enough")
        case "nap": .snooze(.seconds(3600))
        default: .ack
        }
    }
}

private let plugin = MillracePlugin(
    name: "tests",
    [.sync("tests.slow", Slow.self), .sync("tests.brief", Brief.self)]
)

/// When `--once` thinks that everything is done, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct OnceTests {
    private let queue = Broker.unique("once")

    @Test func `with once, messages that wait behind a handler that takes long are not given back`() throws {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues: { \(self.queue): {} }
            jobs: { work: { queue: \(self.queue), handler: tests.slow, timeout: 1500ms } }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for _ in 0..<3 { try channel.publish([1], routingKey: self.queue) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
        #expect(supervisor.run() == .clean)
        #expect(supervisor.counts.acked == 3)
        #expect(supervisor.counts.givenBack == 0)
        try channel.deleteQueue(self.queue)
    }

    // MARK: What is left

    private func file(_ job: String = "", queues: String? = nil, jobs: String = "") throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues: \(queues ?? "{ \(self.queue): {} }")
            jobs:
              work: { queue: \(self.queue), handler: tests.brief\(job) }
            \(jobs)
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    /// Messages in the queue, and a channel of somebody else.
    private func with(_ bodies: [String], _ file: JobFile, _ body: (Channel) throws -> Void) throws {
        #expect(try file.declareTopology(logger: Broker.quiet).allSatisfy { $0.item != .queue(self.queue) })
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for body in bodies { try channel.publish(Array(body.utf8), routingKey: self.queue) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        try body(channel)
        let other = try connection.openChannel()
        try other.deleteQueue(self.queue)
        for stage in ["0s", "1s", "16s", "256s"] { try other.deleteQueue("\(self.queue).delay.\(stage)") }
    }

    private static let left = "messages are left"
    private static let others = "a queue is empty, but others consume it: what they have in hand may come back"

    @Test func `a job that stops leaves the others' messages, which is said, and status 1`() throws {
        let file = try self.file(", prefetch: 1")
        try self.with(["a", "stop", "b", "c"], file) { _ in
            let log = RecordedLog()
            let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true, logger: log.logger)
            #expect(supervisor.run() == .abandoned)
            let lines = log.lines(Self.left)
            #expect(lines.count == 1)
            #expect(lines.first?.metadata["queue"] == "\(self.queue)")
            #expect(lines.first?["ready"] == "3")
            #expect(lines.first?["waiting"] == "0")
        }
    }

    /// They are made by whoever brings waiting messages back, or by the first that waits: a job may end before.
    @Test(.enabled(if: Broker.control != nil, "needs rabbitmqctl"), arguments: [["a", "b"], ["a", "stop", "b", "c"]])
    func `a delay queue that is not there holds nothing, and hides nothing`(bodies: [String]) throws {
        let control = try #require(Broker.control)
        let user = Broker.unique("once").replacing(".", with: "-")
        try control.run("add_user", user, "secret")
        defer { _ = try? control.run("delete_user", user) }
        // Nobody can make them.
        let name = self.queue.replacing(".", with: "[.]")
        try control.run("set_permissions", user, "^\(name)$", ".*", ".*")
        var file = try self.file(", prefetch: 1")
        let endpoint = try Broker.endpoint()
        let log = RecordedLog()
        try self.with(bodies, file) { _ in
            file.connection.uris = ["amqp://\(user):secret@\(endpoint.host):\(endpoint.port)/%2F"]
            let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true, logger: log.logger)
            #expect(try supervisor.runToEnd() == (bodies.contains("stop") ? .abandoned : .clean))
        }
        let lines = log.lines(Self.left)
        #expect(lines.map { $0["ready"] } == (bodies.contains("stop") ? ["3"] : []))
    }

    @Test func `what is stopped while messages wait says so, also of those in the delay queue`() throws {
        let file = try self.file()
        try self.with(["nap", "nap"], file) { channel in
            let log = RecordedLog()
            let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true, logger: log.logger)
            let status = try supervisor.whileRunning {
                #expect(supervisor.wait { $0.counts.snoozed == 2 })
            }
            #expect(status == .abandoned)
            #expect(log.lines(Self.left).first?["waiting"] == "2")
            let waiting = try ["0s", "1s", "16s", "256s"].map { stage in
                try channel.purgeQueue("\(self.queue).delay.\(stage)")
            }
            #expect(waiting.reduce(0, +) == 2)
        }
    }

    @Test func `another consumer may have something in hand: that is said, and status 1`() throws {
        let file = try self.file()
        try self.with(["a"], file) { channel in
            try channel.prefetch(1)
            try channel.consume(self.queue)
            let held = try #require(try channel.nextDelivery(timeout: Patience.long))
            let log = RecordedLog()
            let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true, logger: log.logger)
            #expect(supervisor.run() == .abandoned)
            #expect(log.lines(Self.others).first?["other_consumers"] == "1")
            try channel.ack(held)
        }
    }

    @Test func `what another consumer gives back when it goes is waited for`() throws {
        let file = try self.file()
        try self.with(["a"], file) { channel in
            try channel.prefetch(1)
            let tag = try channel.consume(self.queue)
            let held = try #require(try channel.nextDelivery(timeout: Patience.long))
            let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
            let ended = Monitor<Millrace.ExitStatus?>(nil)
            let thread = try WorkerThread.start(name: "supervisor") {
                let status = supervisor.run()
                ended.withLock { $0 = status }
            }
            #expect(supervisor.wait { $0.consuming == 1 })
            try channel.cancel(tag)
            try channel.nack(held, requeue: true)
            channel.close()
            thread.join()
            #expect(ended.withLock { $0 } == .clean)
            #expect(supervisor.counts.acked == 1)
        }
    }

    @Test func `a job that has failed: what is in its queue is left`() throws {
        let missing = self.queue + ".missing"
        let file = try self.file(jobs: "  gone: { queue: \(missing), handler: tests.brief }")
        try self.with(["a", "b"], file) { _ in
            let log = RecordedLog()
            let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true, logger: log.logger)
            #expect(supervisor.run() == .abandoned)
            #expect(supervisor.counts.acked == 2)
            #expect(log.lines(Self.left).isEmpty)
            let unknown = log.lines("nobody knows what is left in a queue")
            #expect(unknown.map { $0.metadata["queue"] } == ["\(missing)"])
        }
    }

    @Test func `messages that a rate limit holds up are waited for, though they are in our hand`() throws {
        let file = try self.file(", rate_limit: { allowed: 2, interval: 1500ms }")
        try self.with(["a", "b", "c", "d"], file) { _ in
            let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
            #expect(supervisor.run() == .clean)
            #expect(supervisor.counts.acked == 4)
            #expect(supervisor.counts.givenBack == 0)
        }
    }

    @Test func `a message that is published while a rate limit holds the worker up is waited for`() throws {
        let file = try self.file(", rate_limit: { allowed: 1, interval: 3s }")
        try self.with(["a", "b"], file) { channel in
            let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
            let ended = Monitor<Millrace.ExitStatus?>(nil)
            let thread = try WorkerThread.start(name: "supervisor") {
                let status = supervisor.run()
                ended.withLock { $0 = status }
            }
            #expect(supervisor.wait { $0.counts.acked == 2 })
            try channel.publish(Array("c".utf8), routingKey: self.queue)
            thread.join()
            #expect(ended.withLock { $0 } == .clean)
            #expect(supervisor.counts.acked == 3)
            #expect(supervisor.counts.givenBack == 0)
        }
    }
}
