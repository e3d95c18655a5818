import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Deaf to cancellation.
private struct Deaf: SyncJobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        self.gate.note(String(decoding: message.bodyBytes, as: UTF8.self))
        self.gate.stayUntilOpen()
        return .ack
    }
}

/// The same with a thread that is free; `block` blocks the thread.
private struct DeafAsync: JobHandler {
    private let gate: Gate
    init(_ options: HandlerOptions) throws { self.gate = gateNamed(try options.string("gate")) }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let text = String(decoding: message.bodyBytes, as: UTF8.self)
        let gate = self.gate
        gate.note(text)
        if text == "block" { gate.stayUntilOpen(text) }
        // Not a child of the handler's task: its cancellation does not come here.
        await withTaskCancellationHandler {
            await Task { for await _ in gate.stream() {} }.value
        } onCancel: {
            gate.note("\(text) cancelled")
        }
        return .ack
    }
}

private let plugin = MillracePlugin(
    name: "overrun",
    [.sync("overrun.sync", Deaf.self), .async("overrun.async", DeafAsync.self)]
)

/// Handlers that do not end at their `timeout`: each delivery is reported, once.
@Suite(
    .ownThread,
    .serialized,
    .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"),
    .timeLimit(.minutes(10))
)
struct OverrunTests {
    private let queue = Broker.unique("overrun")
    private let log = RecordedLog()
    private var gate: Gate { gateNamed(self.queue) }
    private var reports: [RecordedLog.Line] { self.log.lines("a handler runs longer than its timeout") }

    private func run(
        _ handler: String,
        _ job: String,
        top: String = "",
        messages: [String],
        _ body: (TestSupervisor) throws -> Void
    ) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        _ = try channel.declareQueue(self.queue)
        try channel.selectConfirms()
        for message in messages {
            var properties = BasicProperties()
            properties.messageID = "id-\(message)"
            try channel.publish(Array(message.utf8), routingKey: self.queue, properties: properties)
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            jobs:
              work:
                queue: \(self.queue)
                handler: \(handler)
                with: { gate: \(self.queue) }
                \(job)
            \(top)
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        let supervisor = try TestSupervisor(file, [plugin.descriptor], logger: self.log.logger)
        try supervisor.whileRunning {
            try body(supervisor)
            self.gate.open()
        }
        self.gate.open()
        try channel.deleteQueue(self.queue)
    }

    @Test func `sync: each delivery is reported by its tag, one for each blocked thread`() throws {
        try self.run("overrun.sync", "timeout: 50ms\n    threads: 2\n    prefetch: 1", messages: ["a", "b"]) {
            supervisor in
            #expect(supervisor.wait { $0.counts.overruns == 2 })
        }
        #expect(self.reports.map { $0["delivery"] } == ["1", "1"])  // a channel each
        #expect(Set(self.reports.map { $0["worker"] }) == ["0", "1"])
    }

    @Test func `async: each delivery in hand is reported by tag and message id, and not only the oldest`() throws {
        try self.run("overrun.async", "timeout: 50ms\n    tasks_per_thread: 3", messages: ["a", "b", "c"]) {
            supervisor in
            #expect(supervisor.wait { $0.counts.overruns == 3 })
            self.gate.open()
            #expect(supervisor.wait { $0.counts.acked == 3 })
            #expect(supervisor.counts.overruns == 3)
        }
        #expect(self.reports.map { $0["delivery"] } == ["1", "2", "3"])
        #expect(self.reports.map { $0["message_id"] } == ["id-a", "id-b", "id-c"])
        #expect(self.reports.allSatisfy { $0["timeout"] != nil && $0["running_ms"] != nil })
    }

    @Test func `async: a delivery that blocks the thread is reported meanwhile, and not again when it is free`() throws
    {
        try self.run("overrun.async", "timeout: 50ms\n    tasks_per_thread: 1", messages: ["block"]) { supervisor in
            #expect(supervisor.wait { $0.counts.overruns == 1 })
            self.gate.release("block")  // free, and still in hand
            #expect(self.gate.waitForBegin("block cancelled"))
            self.gate.open()
            #expect(supervisor.wait { $0.counts.acked == 1 })
            #expect(supervisor.counts.overruns == 1)
        }
        #expect(self.reports.map { $0["delivery"] } == ["1"])
    }

    @Test func `a drain names each delivery that it asks to end, and the one that it leaves`() throws {
        try self.run(
            "overrun.async",
            "tasks_per_thread: 2",
            top: "shutdown_timeout: 50ms\nkill_timeout: 2s",
            messages: ["a", "b"]
        ) { supervisor in
            #expect(self.gate.wait { $0.count == 2 })
            supervisor.stop()
            #expect(self.log.wait(for: "ended"))
        }
        let asked = self.log.lines("a handler is asked to end early: the worker is told to stop")
        #expect(asked.map { $0["delivery"] } == ["1", "2"])
        #expect(asked.map { $0["message_id"] } == ["id-a", "id-b"])
        let left = self.log.lines("a handler did not end; its delivery goes back to the queue with the connection")
        #expect(left.map { $0["deliveries"] } == ["[1]"])
    }
}
