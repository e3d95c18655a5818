import AMQPClient
import Glibc
import Millrace
import MillraceHandler
import Synchronization
import TestSupport
import Testing

private struct Waiting: SyncJobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        if message.bodyBytes.first == 2 { return .stop("enough") }
        self.gate.note("one")
        self.gate.stayUntilOpen()
        return .ack
    }
}

private let plugin = MillracePlugin(name: "threads", [.sync("threads.wait", Waiting.self)])

/// A system that has no thread left, as it is with a limit for a user or a container.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct MissingThreadTests {
    private static let short = "some threads could not be started; the others work, and these are tried again"
    private let queue = Broker.unique("threads")
    private var gate: Gate { gateNamed(self.queue) }
    private let log = RecordedLog()
    /// How many threads there are left.
    private let left = Monitor(0)

    private func startThread(
        _ name: String,
        sparesOther: Bool,
        _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) -> WorkerThread {
        if sparesOther, name.hasPrefix("other/") { return try WorkerThread.start(name: name, body) }
        let isThere = self.left.withLock { left in
            defer { left = max(left - 1, 0) }
            return left > 0
        }
        guard isThere else { throw ThreadError(errno: EAGAIN) }
        return try WorkerThread.start(name: name, body)
    }

    private func run(threads: Int, sparesOther: Bool = false, _ body: (TestSupervisor, Channel) throws -> Void) throws
        -> Millrace.ExitStatus
    {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for queue in [self.queue, self.queue + ".2"] { _ = try channel.declareQueue(queue) }
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            jobs:
              work: { queue: \(self.queue), handler: threads.wait, with: { gate: \(self.queue) }, threads: 4 }
              other: { queue: \(self.queue).2, handler: threads.wait, with: { gate: \(self.queue) } }

            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        self.left.withLock { $0 = threads }
        let supervisor = try TestSupervisor(
            file,
            [plugin.descriptor],
            startThread: { name, body throws(ThreadError) in try self.startThread(name, sparesOther: sparesOther, body)
            },
            logger: self.log.logger
        )
        defer { self.gate.open() }
        let status = try supervisor.whileRunning { try body(supervisor, channel) }
        for queue in [self.queue, self.queue + ".2"] { try channel.deleteQueue(queue) }
        return status
    }

    @Test func `a job that gets half its threads works with them and says so, and the end comes`() throws {
        let status = try self.run(threads: 2) { supervisor, channel in
            #expect(supervisor.wait { $0.consuming == 2 && $0.state == .running })
            #expect(supervisor.readiness.reasons.contains("job 'work': 2 of 4 threads could not be started"))
            #expect(self.log.lines(Self.short).count == 1)
            let explained = try supervisor.get("api/v1/explain?wait=10s").body
            #expect(explained.hasPrefix("work: the system gave 2 of 4 threads\n"), "\(explained)")
            #expect(explained.contains("raise the limit of processes"))
            // The other job got none.
            #expect(supervisor.wait(job: 1) { if case .failed = $0.state { true } else { false } })
            try channel.publish([1], routingKey: self.queue)
            #expect(self.gate.waitForBegin("one"))
            self.gate.open()
            #expect(supervisor.wait { $0.counts.acked == 1 })
        }
        #expect(status == .abandoned, "a job had failed")
        #expect(self.log.lines("ended").count == 1)
    }

    @Test func `what is missing is started when there are threads again`() throws {
        let status = try self.run(threads: 3) { supervisor, _ in
            #expect(supervisor.wait { $0.consuming == 3 })
            self.left.withLock { $0 = 10 }
            #expect(supervisor.wait { $0.consuming == 4 })
            #expect(!supervisor.readiness.reasons.contains { $0.contains("job 'work'") })
        }
        #expect(status == .abandoned, "the other job had failed")
    }

    @Test func `a job that was stopped by its handler is not begun again when there are threads`() throws {
        let status = try self.run(threads: 3, sparesOther: true) { supervisor, channel in
            #expect(supervisor.wait { $0.consuming == 3 })
            try channel.publish([2], routingKey: self.queue)
            #expect(supervisor.wait { if case .failed = $0.state { $0.consuming == 0 } else { false } })
            #expect(self.log.lines("the handler stopped its job").count == 1, "none of the others begins the message")
            self.left.withLock { $0 = 10 }
            // Longer than the pause between two tries.
            #expect(try channel.nextDelivery(timeout: .seconds(6)) == nil)
            // The message that stops it is in the queue again.
            #expect(self.log.lines("the handler stopped its job").count == 1)
        }
        #expect(status == .abandoned)
    }

    @Test func `a delivery is counted as received when its handler begins, and its age is known`() throws {
        let status = try self.run(threads: 5) { supervisor, channel in
            try channel.publish([1], routingKey: self.queue)
            #expect(self.gate.waitForBegin("one"))
            #expect(supervisor.wait { $0.counts.received == 1 && $0.inHand == 1 && $0.oldestInHand > .zero })
            #expect(supervisor.counts.acked == 0)
            self.gate.open()
            #expect(supervisor.wait { $0.counts.acked == 1 && $0.inHand == 0 && $0.oldestInHand == .zero })
            #expect(supervisor.counts.received == 1)
        }
        #expect(status == .clean)
    }
}
