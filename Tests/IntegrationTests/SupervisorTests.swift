import AMQPClient
import AMQPWire
import Logging
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Publishes what it gets; refuses what is empty, fails on `!`.
private struct Copying: SyncJobHandler {
    private let routingKey: String

    init(_ options: HandlerOptions) throws { self.routingKey = try options.string("routing_key") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        if message.byteCount == 0 { throw Unrecoverable("empty") }
        if message[0] == UInt8(ascii: "!") { return .retry("asked to") }
        try context.publish(message.bodyBytes, routingKey: self.routingKey)
        return .ack
    }
}

/// The same with waiting in between.
private struct Waiting: JobHandler {
    private let routingKey: String

    init(_ options: HandlerOptions) throws { self.routingKey = try options.string("routing_key") }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        for _ in 0..<3 { await Task.yield() }
        try context.publish(message.bodyBytes, routingKey: self.routingKey)
        return .ack
    }
}

private let plugin = MillracePlugin(
    name: "tests",
    [.sync("tests.copying", Copying.self), .async("tests.waiting", Waiting.self)]
)

/// Supervisor, pools and workers in this process, on a real RabbitMQ; also run under the thread sanitizer.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct SupervisorTests {
    private let input = Broker.unique("in")
    private let output = Broker.unique("out")

    private func jobFile(handler: String, more: String = "", queues: String = "") throws -> JobFile {
        let text = """
            version: 1
            connection:
              uri: "\(Broker.uri ?? "")"
              recovery: { initial_interval: 50ms, max_interval: 200ms }
            queues:
              \(self.input): { dead_letter: { routing_key: \(self.input).dead } }
              \(self.output): {}
            \(queues)
            jobs:
              work:
                queue: \(self.input)
                handler: \(handler)
                threads: 3
                prefetch: 10
                on_failure: reject
                with: { routing_key: "\(self.output)" }
            \(more)
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private func supervisor(_ file: JobFile, once: Bool) throws -> TestSupervisor {
        try TestSupervisor(file, [plugin.descriptor, FaultyPlugin.descriptor], once: once)
    }

    private func publish(_ bodies: [String], on channel: Channel) throws {
        try channel.selectConfirms()
        for body in bodies { try channel.publish(Array(body.utf8), routingKey: self.input) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
    }

    private func remove(_ channel: Channel) throws {
        for queue in [self.input, self.input + ".dead", self.output] { try channel.deleteQueue(queue) }
    }

    @Test(arguments: ["tests.copying", "tests.waiting"])
    func `sync and async handlers: every message once, its output confirmed first`(handler: String) throws {
        let file = try self.jobFile(handler: handler)
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        #expect(try file.declareTopology(logger: Logger(label: "test")).isEmpty)
        try self.publish((0..<2000).map { "\($0)" }, on: channel)
        let supervisor = try self.supervisor(file, once: true)
        #expect(supervisor.run() == .clean)
        let counts = try #require(supervisor.status.first).counts
        #expect(counts.received == 2000)
        #expect(counts.acked == 2000)
        #expect(counts.published == 2000)
        #expect(try channel.declareQueue(self.output, passive: true).messageCount == 2000)
        #expect(try channel.declareQueue(self.input, passive: true).messageCount == 0)
        try self.remove(channel)
        connection.close()
    }

    @Test func `failures and refusals go to the dead-letter queue, publish nothing, and cost no neighbour`() throws {
        let file = try self.jobFile(handler: "tests.copying")
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        #expect(try file.declareTopology(logger: Logger(label: "test")).isEmpty)
        try self.publish((0..<300).map { $0 % 3 == 0 ? "" : $0 % 3 == 1 ? "!" : "ok" }, on: channel)
        let supervisor = try self.supervisor(file, once: true)
        #expect(supervisor.run() == .clean)
        let counts = try #require(supervisor.status.first).counts
        #expect(counts.acked == 100)
        #expect(counts.rejected == 200)
        #expect(try channel.declareQueue(self.output, passive: true).messageCount == 100)
        #expect(try channel.declareQueue(self.input + ".dead", passive: true).messageCount == 200)
        try self.remove(channel)
        connection.close()
    }

    @Test func `a plugin's NULLs with a length are refused with status 2, the process lives`() throws {
        let file = try self.jobFile(handler: "tests.faulty")
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        #expect(try file.declareTopology(logger: Logger(label: "test")).isEmpty)
        try self.publish(FaultyPlugin.mistakes.map(String.init), on: channel)
        let supervisor = try self.supervisor(file, once: true)
        #expect(supervisor.run() == .clean)
        let counts = try #require(supervisor.status.first).counts
        #expect(counts.acked == FaultyPlugin.mistakes.count)
        #expect(counts.rejected == 0)
        try self.remove(channel)
        connection.close()
    }

    @Test func `a job whose queue can not be had fails alone`() throws {
        let clash = Broker.unique("clash")
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        _ = try channel.declareQueue(clash, durable: false)
        let file = try self.jobFile(
            handler: "tests.copying",
            more: "  other: { queue: \(clash), handler: tests.copying, with: { routing_key: x } }",
            queues: "  \(clash): {}"
        )
        let failures = try file.declareTopology(logger: Logger(label: "test"))
        #expect(failures.map(\.item) == [.queue(clash)])
        #expect(failures.map(\.error.code.rawValue) == [406])
        try self.publish(["one", "two"], on: channel)
        let supervisor = try self.supervisor(file, once: true)
        #expect(supervisor.run() == .abandoned)
        let status = supervisor.status
        #expect(status.map(\.counts.acked) == [2, 0])
        guard case .failed(let reason) = status[1].state else { return #expect(Bool(false), "not failed") }
        #expect(reason.contains("406"))
        try self.remove(channel)
        try channel.deleteQueue(clash)
        connection.close()
    }

    @Test func `its queue deleted under a running job: the channel is opened again and the queue declared`() throws {
        let file = try self.jobFile(handler: "tests.copying")
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        #expect(try file.declareTopology(logger: Logger(label: "test")).isEmpty)
        let supervisor = try self.supervisor(file, once: false)
        let ended = Monitor<Millrace.ExitStatus?>(nil)
        let thread = try WorkerThread.start(name: "supervisor") {
            let status = supervisor.run()
            ended.withLock { $0 = status }
            ended.signal()
        }
        try channel.consume(self.output, noAck: true)
        try channel.publish(Array("before".utf8), routingKey: self.input)
        #expect(try channel.nextDelivery(timeout: Patience.long)?.body == Array("before".utf8))
        try channel.deleteQueue(self.input)
        // Unroutable until a worker has declared the queue again.
        let other = try connection.openChannel()
        try other.selectConfirms()
        repeat {
            try other.publish(Array("after".utf8), routingKey: self.input, mandatory: true)
        } while try !other.awaitConfirms(timeout: Patience.long).isEmpty
        #expect(try channel.nextDelivery(timeout: Patience.long)?.body == Array("after".utf8))
        supervisor.stop()
        // Well before shutdown_timeout: a confirm that comes with cancel-ok must not be slept over.
        #expect(ended.wait(until: MonotonicClock.deadline(in: .seconds(25))) { $0 } == .clean)
        thread.join()
        try self.remove(other)
        connection.close()
    }
}
