import AMQPClient
import Millrace
import MillraceHandler
import Synchronization
import TestSupport
import Testing

/// What all handlers of these tests need, and what can be away.
private final class Service: Sendable {
    let isUp = Atomic<Bool>(false)
    /// Calls that failed.
    let failures = Atomic<Int>(0)

    private static let all = Monitor<[String: Service]>([:])
    static func named(_ name: String) -> Service {
        self.all.withLock { all in
            let service = all[name] ?? Service()
            all[name] = service
            return service
        }
    }

    func call() throws {
        guard !self.isUp.load(ordering: .acquiring) else { return }
        self.failures.wrappingAdd(1, ordering: .acquiringAndReleasing)
        throw Away()
    }

    struct Away: Error, CustomStringConvertible { var description: String { "503 from the service" } }
}

private struct Calling: SyncJobHandler {
    let service: Service
    init(_ options: HandlerOptions) throws { self.service = Service.named(try options.string("service")) }
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try self.service.call()
        return .ack
    }
}

private struct CallingTask: JobHandler {
    let service: Service
    init(_ options: HandlerOptions) throws { self.service = Service.named(try options.string("service")) }
    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        await Task.yield()
        try self.service.call()
        return .ack
    }
}

private struct CallingBatch: BatchHandler {
    let service: Service
    init(_ options: HandlerOptions) throws { self.service = Service.named(try options.string("service")) }
    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
        try self.service.call()
        return batch.all(.ack)
    }
}

private struct Holding: SyncJobHandler {
    let service: Service
    init(_ options: HandlerOptions) throws { self.service = Service.named(try options.string("service")) }
    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        do {
            try self.service.call()
            return .ack
        } catch {
            return context.holdJob(for: .milliseconds(400), reason: "\(error)")
        }
    }
}

private let plugin = MillracePlugin(
    name: "held",
    [
        .sync("held.sync", Calling.self), .async("held.async", CallingTask.self),
        .batch("held.batch", CallingBatch.self), .sync("held.holding", Holding.self),
    ]
)

/// Jobs that take no messages for a while, on a real broker.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct HeldJobTests {
    private let queue = Broker.unique("held")
    private var service: Service { Service.named(self.queue) }

    private func run(
        _ handler: String,
        _ settings: String,
        messages: Int,
        _ body: (TestSupervisor) throws -> Void
    ) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        _ = try channel.declareQueue(self.queue)
        try channel.selectConfirms()
        for number in 0..<messages { try channel.publish(Array("\(number)".utf8), routingKey: self.queue) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues: { \(self.queue): {} }
            jobs:
              work:
                queue: \(self.queue)
                handler: held.\(handler)
                with: { service: \(self.queue) }
                retry: { initial_interval: 100ms, multiplier: 1, max_attempts: 100 }
                \(settings)

            """
        let file = try JobFileDraft(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:]).finish()
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        let status = try supervisor.whileRunning { try body(supervisor) }
        #expect(status == .clean)
        #expect(supervisor.counts.received == supervisor.counts.settled)
        for name in [self.queue] + delayQueues(of: self.queue) { try channel.deleteQueue(name) }
    }

    private static let circuit = "circuit: { failures: 5, within: 10s, pause: 300ms }"

    @Test(
        arguments: [
            ("sync", "threads: 4"), ("async", "threads: 2, tasks_per_thread: 4"),
            ("batch", "threads: 2, batch: { size: 20 }"),
        ]
    )
    func `while a service is away 30 of 1,000 messages use an attempt at most`(handler: String, more: String) throws {
        let settings = (more.split(separator: ", ", maxSplits: 1).map(String.init) + [Self.circuit])
            .joined(separator: "\n    ")
        try self.run(handler, settings, messages: 1000) { supervisor in
            #expect(supervisor.wait { $0.state == .held && $0.consuming == 0 && $0.inHand == 0 })
            #expect(supervisor.readiness.isReady, "who is held is not missed")
            // The first ones after it fail again, and again.
            #expect(supervisor.wait { $0.holds >= 4 })
            self.service.isUp.store(true, ordering: .releasing)
            #expect(supervisor.wait { $0.counts.acked == 1000 })
            #expect(supervisor.wait { $0.state == .running && $0.consuming == $0.threads && $0.hold == nil })
            let counts = supervisor.counts
            #expect(counts.retried >= 8 && counts.retried <= 30, "\(counts.retried)")
            #expect(counts.rejected == 0 && counts.acked == 1000)
        }
    }

    @Test func `with a handler that holds its job no message uses an attempt`() throws {
        try self.run("holding", "threads: 4", messages: 1000) { supervisor in
            #expect(supervisor.wait { $0.holds >= 3 })
            #expect(supervisor.wait { $0.hold?.text(zone: 0).contains("held by its handler until") == true })
            self.service.isUp.store(true, ordering: .releasing)
            #expect(supervisor.wait { $0.counts.acked == 1000 })
            #expect(supervisor.counts.retried == 0 && supervisor.counts.snoozed == 0)
            #expect(self.service.failures.load(ordering: .acquiring) <= 30)
        }
    }

    @Test func `it is told what holds it: in words, as JSON, and as a metric`() throws {
        let circuit = "circuit: { failures: 2, within: 10s, pause: 1h }"
        try self.run("sync", circuit, messages: 10) { supervisor in
            #expect(supervisor.wait { $0.state == .held })
            let router = supervisor.router()
            func ask(_ path: [String], text: Bool) -> String {
                let answer = Monitor<String?>(nil)
                var request = ControlRequest(method: "GET", path: path, actor: "a test")
                request.wantsText = text
                router.answer(request) { response in
                    answer.withLock { $0 = response.body }
                    answer.broadcast()
                }
                return answer.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 } ?? ""
            }
            let text = ask(["api", "v1", "status"], text: true)
            #expect(text.contains("work: held by its circuit until "))
            #expect(text.contains(", 2 failures in 10s: last error 503 from the service"))
            let json = ask(["api", "v1", "status"], text: false)
            #expect(json.contains("\"hold\":{\"by\":\"circuit\",\"until\":"))
            let metrics = ask(["metrics"], text: true)
            #expect(metrics.contains("millrace_job_held{job=\"work\",queue=\"\(self.queue)\"} 1\n"))
            #expect(metrics.contains("millrace_job_holds_total{job=\"work\"} 1\n"))
            let explained = try supervisor.get("api/v1/explain?wait=10s").body
            #expect(explained.contains("millrace resume work"), "\(explained)")
        }
    }

    @Test func `operators come first: a pause hides it, scale waits for it, resume and restart end it`() throws {
        let settings = "threads: 2\n    circuit: { failures: 2, within: 10s, pause: 1h }"
        let note = ChangeNote.now("a test")
        try self.run("sync", settings, messages: 20) { supervisor in
            #expect(supervisor.wait { $0.state == .held })
            #expect(supervisor.ask(.setPause(job: "work", isPaused: true, note)) != nil)
            #expect(supervisor.wait { $0.state == .paused && $0.hold != nil })
            // Threads come when it is over.
            let answer = supervisor.ask(.scale(job: "work", .fixed(3), note))
            guard case .noted(let lines)? = answer else { return #expect(Bool(false), "\(String(describing: answer))") }
            #expect(lines.first?.contains("the job is held") == true)
            #expect(supervisor.wait { $0.consuming == 0 })
            // The service is away still: all threads come, and it is held anew.
            #expect(supervisor.ask(.setPause(job: "work", isPaused: false, note)) != nil)
            #expect(supervisor.wait { $0.state == .held && $0.holds == 2 })
            #expect(supervisor.ask(.restart(job: "work", note)) != nil)
            #expect(supervisor.wait { $0.state == .held && $0.holds == 3 })
            self.service.isUp.store(true, ordering: .releasing)
            #expect(supervisor.ask(.setPause(job: nil, isPaused: false, note)) != nil)
            #expect(supervisor.wait { $0.counts.acked == 20 && $0.consuming == 3 && $0.hold == nil })
        }
    }

    @Test func `a drain ends a held job at once, and nothing of it is lost`() throws {
        let circuit = "circuit: { failures: 2, within: 10s, pause: 1h }"
        try self.run("sync", circuit, messages: 20) { supervisor in
            #expect(supervisor.wait { $0.state == .held && $0.inHand == 0 })
            let connection = try Broker.connect()
            defer { connection.close() }
            let channel = try connection.openChannel()
            let left = try channel.declareQueue(self.queue, passive: true).messageCount
            #expect(left >= 18 - 2)
        }
    }
}
