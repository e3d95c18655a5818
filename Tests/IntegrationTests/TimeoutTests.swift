import AMQPClient
import Logging
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// What the handlers below saw.
private let seen = Monitor<[String]>([])

/// Waits until it is cancelled, and says so.
private struct Patient: JobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let attempt = message.attempt
        do {
            try await Task.sleep(for: .seconds(60))
        } catch {
            seen.withLock { $0.append("cancelled \(attempt)") }
            throw error
        }
        return .ack
    }
}

/// Asks whether it should end, without a pause.
private struct Asking: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        while !context.isCancelled {}
        seen.withLock { $0.append("asked \(message.attempt)") }
        return .retry("out of time")
    }
}

/// Counts how many of it are in hand at once.
private struct Crowd: JobHandler {
    static let inHand = Monitor((now: 0, most: 0))

    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        Self.inHand.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
        // Until the crowd is complete, or it is clear that it never will be.
        for _ in 0..<2000 where Self.inHand.withLock({ $0.most }) < 8 { try await Task.sleep(for: .milliseconds(5)) }
        Self.inHand.withLock { $0.now -= 1 }
        return .ack
    }
}

private let plugin = MillracePlugin(
    name: "tests",
    [
        .async("tests.patient", Patient.self), .sync("tests.asking", Asking.self), .async("tests.crowd", Crowd.self),
    ]
)

/// Timeouts and many handlers on one thread, on a real RabbitMQ.
@Suite(
    .ownThread,
    .serialized,
    .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"),
    .timeLimit(.minutes(5))
)
struct TimeoutTests {
    private let queue = Broker.unique("timeout")

    private func run(_ handler: String, messages: Int, _ job: String) throws -> JobCounts {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues: { \(self.queue): {} }
            jobs:
              work:
                queue: \(self.queue)
                handler: \(handler)
            \(job)
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Logger(label: "test")).isEmpty)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for _ in 0..<messages { try channel.publish([1], routingKey: self.queue) }
        #expect(try channel.awaitConfirms(timeout: .seconds(30)) == [])
        var registry = PluginRegistry()
        try registry.add(linkedIn: plugin.descriptor)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let options = SupervisorOptions(once: true)
        let supervisor = try Supervisor(file: file, registry: registry, options: options, logger: logger)
        #expect(supervisor.run() == .clean)
        for queue in [self.queue, self.queue + ".dead"] { try channel.deleteQueue(queue) }
        return try #require(supervisor.status.first).counts
    }

    @Test(arguments: [("tests.patient", "cancelled"), ("tests.asking", "asked")])
    func `at its timeout a handler is asked to end; what it throws is a failure, tried again`(
        _ handler: String,
        _ word: String
    ) throws {
        seen.withLock { $0 = [] }
        let counts = try self.run(
            handler,
            messages: 1,
            "    timeout: 100ms\n    retry: { max_attempts: 2, initial_interval: 20ms, jitter: 0 }"
        )
        #expect(seen.withLock { $0 } == ["\(word) 1", "\(word) 2"])
        #expect(counts.retried == 1)
        #expect(counts.rejected == 1)
    }

    @Test func `tasks_per_thread async handlers are in flight on one thread, and no more`() throws {
        let counts = try self.run("tests.crowd", messages: 40, "    tasks_per_thread: 8\n    prefetch: 20")
        #expect(counts.acked == 40)
        #expect(Crowd.inHand.withLock { $0.most } == 8)
    }
}
