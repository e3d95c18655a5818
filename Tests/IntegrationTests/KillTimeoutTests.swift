import AMQPClient
import AMQPWire
import Foundation
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Hangs on messages that begin with `h` (the first time) or `H` (each time), deaf to cancellation.
private struct Hanging: SyncJobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let text = String(decoding: message.bodyBytes, as: UTF8.self)
        self.gate.note("\(text) \(message.attempt)")
        guard text.hasPrefix("H") || (text.hasPrefix("h") && message.attempt == 1) else { return .ack }
        self.gate.stayUntilOpen(text)
        return .retry("too late")
    }
}

/// The same with a thread that is free.
private struct HangingAsync: JobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let text = String(decoding: message.bodyBytes, as: UTF8.self)
        let attempt = message.attempt
        self.gate.note("\(text) \(attempt)")
        guard text.hasPrefix("h"), attempt == 1 else { return .ack }
        let gate = self.gate
        // Not a child of the handler's task: its cancellation does not come here.
        await Task { for await _ in gate.stream() {} }.value
        return .ack
    }
}

/// Hangs on a batch that has a message with `H` in it.
private struct HangingBatch: BatchHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
        var texts: [String] = []
        for index in batch.indices { texts.append(String(decoding: batch[index].bodyBytes, as: UTF8.self)) }
        self.gate.note(texts.joined(separator: " "))
        if texts.contains("H") { self.gate.stayUntilOpen() }
        return batch.all(.ack)
    }
}

private let plugin = MillracePlugin(
    name: "kill",
    [
        .sync("kill.sync", Hanging.self), .async("kill.async", HangingAsync.self),
        .batch("kill.batch", HangingBatch.self),
    ]
)

/// Handlers that hang, on a real RabbitMQ.
@Suite(
    .ownThread,
    .serialized,
    .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"),
    .timeLimit(.minutes(10))
)
struct KillTimeoutTests {
    private let queue = Broker.unique("kill")
    private var gate: Gate { gateNamed(self.queue) }

    private func supervisor(_ handler: String, _ job: String, _ file: String) throws -> TestSupervisor {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")", recovery: { initial_interval: 20ms, max_interval: 100ms } }
            queues: { \(self.queue): {} }
            jobs:
              work:
                queue: \(self.queue)
                handler: \(handler)
                with: { gate: \(self.queue) }
                timeout: 50ms
                kill_timeout: 300ms
            \(job)
            shutdown_timeout: 1s
            kill_timeout: 100ms
            \(file)
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        return try TestSupervisor(file, [plugin.descriptor])
    }

    private func count(_ channel: Channel, _ queue: String) throws -> Int {
        Int(try channel.declareQueue(queue, passive: true).messageCount)
    }

    private func run(
        _ handler: String,
        _ job: String,
        file: String = "",
        messages: [String],
        _ body: (TestSupervisor, Channel) throws -> Void
    ) throws -> (status: Millrace.ExitStatus?, counts: JobCounts) {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        _ = try channel.declareQueue(self.queue)
        try channel.selectConfirms()
        for message in messages { try channel.publish(Array(message.utf8), routingKey: self.queue) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let supervisor = try self.supervisor(handler, job, file)
        let ended = Monitor<Millrace.ExitStatus?>(nil)
        let thread = try WorkerThread.start(name: "supervisor") {
            let status = supervisor.run()
            ended.withLock { $0 = status }
        }
        do {
            defer {
                supervisor.stop()
                thread.join()
                self.gate.open()
            }
            try body(supervisor, channel)
        }
        for queue in [self.queue, self.queue + ".dead"] { try channel.deleteQueue(queue) }
        return (ended.withLock { $0 }, supervisor.counts)
    }

    @Test func `C33 C54: a sync handler that hangs is replaced; its message is tried again, its late outcome dropped`()
        throws
    {
        let texts = ["h", "a", "b", "c"]
        let (status, counts) = try self.run(
            "kill.sync",
            "    retry: { max_attempts: 3, initial_interval: 20ms, jitter: 0 }",
            messages: texts
        ) { (supervisor: TestSupervisor, channel: Channel) throws -> Void in
            #expect(supervisor.wait { $0.counts.acked == 4 && $0.consuming == 1 })
            // Both that hung were prefetched on the channel that was closed; only one was begun before.
            #expect(self.gate.begun.sorted() == ["a 2", "b 2", "c 2", "h 1", "h 2"])
            #expect(supervisor.counts.abandoned == 1)
            #expect(supervisor.counts.retried == 1)
            #expect(supervisor.counts.droppedAcks == 0)
            self.gate.open()
            #expect(supervisor.wait { $0.counts.droppedAcks == 1 })
            // The late outcome was a failure: it made no second copy.
            #expect(supervisor.counts.retried == 1)
            #expect(try self.count(channel, self.queue) == 0)
        }
        // The thread has come back, or is about to.
        #expect(status != nil)
        #expect(counts.settled == counts.received)
    }

    @Test func `a message that always hangs is a dead letter; others are handled meanwhile`() throws {
        let (status, counts) = try self.run(
            "kill.sync",
            "    threads: 2\n    prefetch: 2\n    retry: { max_attempts: 2, initial_interval: 20ms, jitter: 0 }",
            messages: ["H"] + (0..<20).map { "m\($0)" }
        ) { (supervisor: TestSupervisor, channel: Channel) throws -> Void in
            #expect(supervisor.wait { $0.counts.acked == 20 && $0.counts.rejected == 1 && $0.consuming == 2 })
            #expect(self.gate.begun.count { $0.hasPrefix("H") } == 2)
            #expect(try self.count(channel, self.queue + ".dead") == 1)
            #expect(supervisor.counts.abandoned == 2)
        }
        // Two threads still hang when it is stopped: it ends all the same, and says so.
        #expect(status == .abandoned)
        #expect(counts.abandoned == 2)
    }

    @Test(arguments: ["retry: { max_attempts: 10, initial_interval: 20ms, jitter: 0 }", "on_failure: requeue"])
    func `one message that always hangs costs two threads, not the job, however many attempts it has`(policy: String)
        throws
    {
        _ = try self.run("kill.sync", "    \(policy)", messages: ["H", "a"]) {
            (supervisor: TestSupervisor, channel: Channel) throws -> Void in
            #expect(supervisor.wait { $0.counts.rejected == 1 && $0.consuming == 1 })
            #expect(self.gate.begun.count { $0.hasPrefix("H") } == 2)
            #expect(supervisor.counts.abandoned == 2)
            #expect(try self.count(channel, self.queue) == 0)
            let dead = try channel.get(self.queue + ".dead", noAck: true)
            let headers = try #require(try dead?.properties.headers)
            #expect(headers["millrace-failure"]?.stringValue == "hung")
            #expect(headers["millrace-error"]?.stringValue?.contains("twice in a row") == true)
            // A thread that hangs tells of what it did before when it comes back.
            self.gate.open()
            #expect(supervisor.wait { $0.counts.acked == 1 })
        }
    }

    @Test func `an async handler that hangs is replaced, and what it had beside it comes again`() throws {
        let (_, counts) = try self.run(
            "kill.async",
            "    tasks_per_thread: 2\n    retry: { max_attempts: 3, initial_interval: 20ms, jitter: 0 }",
            messages: ["h", "a", "b"]
        ) { (supervisor: TestSupervisor, channel: Channel) throws -> Void in
            #expect(supervisor.wait { $0.counts.acked == 4 - 1 && $0.counts.abandoned == 1 && $0.consuming == 1 })
            #expect(self.gate.begun.filter { $0.hasPrefix("h") } == ["h 1", "h 2"])
            self.gate.open()
            #expect(supervisor.wait { $0.counts.droppedAcks == 1 })
            #expect(try self.count(channel, self.queue) == 0)
        }
        #expect(counts.settled == counts.received)
    }

    @Test func `of a batch that hangs each message is begun alone; the one that hangs alone has failed`() throws {
        let (_, counts) = try self.run(
            "kill.batch",
            """
                batch: { size: 3, timeout: 50ms }
                prefetch: 3
                retry: { max_attempts: 2, initial_interval: 20ms, jitter: 0 }
            """,
            messages: ["H", "a", "b"]
        ) { (supervisor: TestSupervisor, channel: Channel) throws -> Void in
            #expect(supervisor.wait { $0.counts.acked == 2 && $0.counts.rejected == 1 && $0.consuming == 1 })
            #expect(self.gate.begun.prefix(2) == ["H a b", "H"])
            // As one of a batch it had not failed: then alone, and as the last attempt.
            #expect(self.gate.begun.count { $0.contains("H") } == 3)
            #expect(supervisor.counts.retried == 1)
            #expect(try self.count(channel, self.queue + ".dead") == 1)
            // Three in the batch, then one alone, twice.
            #expect(supervisor.counts.abandoned == 5)
        }
        #expect(counts.acked == 2)
    }

    @Test func `a worker that is replaced and comes back gives its place in the crash ledger to the next`() throws {
        let folder = try Scratch()
        let path = folder.path + "/kill.ledger"
        let messages = (0..<12).map { "H\($0)" }  // the ledger has room for ten threads
        _ = try self.run(
            "kill.sync",
            "    prefetch: 1\n    on_failure: reject",
            file: "crash_ledger: { path: \"\(path)\" }",
            messages: messages
        ) { (supervisor: TestSupervisor, channel: Channel) throws -> Void in
            for (index, message) in messages.enumerated() {
                let isLast = index == messages.count - 1
                let handler = self.gate.waitForBegin("\(message) 1")
                try #require(handler, "\(message) was never begun")
                if !isLast {
                    // More if the next one was given up before this thread saw it.
                    #expect(supervisor.wait { $0.counts.abandoned > index })
                    self.gate.release(message)
                    #expect(supervisor.wait { $0.counts.droppedAcks > index })
                }
            }
            let octets = try Array(Data(contentsOf: URL(filePath: path)))
            let image = try #require(octets.withUnsafeBytes { LedgerImage($0) })
            #expect(image.run.inHand.map(\.job) == ["work"])
        }
    }

    @Test func `a job with too many threads that hang has failed, with a reason, and nothing is lost`() throws {
        // One message each: eight threads more than the limit would take them all.
        let (status, counts) = try self.run(
            "kill.sync",
            "    prefetch: 1\n    on_failure: requeue",
            messages: (0..<12).map { "H\($0)" }
        ) { (supervisor: TestSupervisor, channel: Channel) throws -> Void in
            #expect(
                supervisor.wait { job in
                    if case .failed(let reason) = job.state { return reason.contains("hang") }
                    return false
                }
            )
            #expect(supervisor.counts.abandoned == 9)
        }
        #expect(status == .abandoned)
        #expect(counts.acked == 0)
    }
}
