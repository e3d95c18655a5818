import AMQPClient
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
        for await _ in AsyncStream<Void>(Void.self, { _ in }) {}  // ends with its task's cancellation alone
        seen.withLock { $0.append("cancelled \(attempt)") }
        throw CancellationError()
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
    private struct Waiting {
        var now = 0
        var most = 0
        var gates: [AsyncStream<Void>.Continuation] = []
    }
    private static let waiting = Monitor(Waiting(), level: .outermost)  // who is let go is told inside
    static var most: Int { Self.waiting.withLock { $0.most } }

    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let (crowd, gate) = AsyncStream<Void>.makeStream()
        Self.waiting.withLock { waiting in
            waiting.now += 1
            waiting.most = max(waiting.most, waiting.now)
            waiting.gates.append(gate)
            // The first eight wait for each other, whoever comes later for nobody.
            if waiting.most >= 8 {
                for gate in waiting.gates { gate.finish() }
                waiting.gates.removeAll()
            }
        }
        for await _ in crowd {}
        Self.waiting.withLock { $0.now -= 1 }
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
    .timeLimit(.minutes(10))
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
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for _ in 0..<messages { try channel.publish([1], routingKey: self.queue) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
        #expect(supervisor.run() == .clean)
        for queue in [self.queue, self.queue + ".dead"] { try channel.deleteQueue(queue) }
        return supervisor.counts
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
        #expect(Crowd.most == 8)
    }
}
