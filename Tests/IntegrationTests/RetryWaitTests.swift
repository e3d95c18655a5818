import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// When each message was begun, by its body.
private let begun = Monitor<[String: [UInt64]]>([:])

/// Fails as often as the job lets it.
private struct Failing: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let text = String(decoding: message.bodyBytes, as: UTF8.self)
        begun.withLock { $0[text, default: []].append(MonotonicClock.now()) }
        return .retry("again")
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.failing", Failing.self)])

/// Where a message waits for its next attempt, and how long, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct RetryWaitTests {
    private let queue = Broker.unique("wait")

    private func withSupervisor(
        type: String,
        retry: String,
        once: Bool = false,
        _ body: (TestSupervisor, Connection) throws -> Void
    ) throws {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues: { \(self.queue): { type: \(type) } }
            jobs: { work: { queue: \(self.queue), handler: tests.failing, retry: { \(retry) } } }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        try channel.publish(Array(self.queue.utf8), routingKey: self.queue)
        #expect(try channel.awaitConfirms(timeout: .seconds(60)) == [])
        try body(try TestSupervisor(file, [plugin.descriptor], once: once), connection)
        for queue in [self.queue, self.queue + ".dead"] { try channel.deleteQueue(queue) }
    }

    @Test(arguments: ["classic", "quorum"])
    func `between two attempts lies at least the wait between them`(type: String) throws {
        let retry = "max_attempts: 4, initial_interval: 100ms, multiplier: 2, jitter: 0"
        try self.withSupervisor(type: type, retry: retry, once: true) { supervisor, connection in
            #expect(supervisor.run() == .clean)
            let times = begun.withLock { $0[self.queue] ?? [] }
            let gaps = zip(times.dropFirst(), times).map { ($0 - $1) / 1_000_000 }
            #expect(gaps.count == 3)
            for (gap, wait) in zip(gaps, [100, 200, 400] as [UInt64]) { #expect(gap >= wait, "\(gaps)") }
            let channel = try connection.openChannel()
            for wait in [100, 200, 400] { try channel.deleteQueue("\(self.queue).retry.\(wait)ms") }
        }
    }

    @Test(arguments: ["classic", "quorum"])
    func `a long wait is the broker's: its queue holds the message, nobody has it unacked, and unused it expires`(
        type: String
    ) throws {
        let delay = self.queue + ".retry.1800000ms"
        let retry = "max_attempts: 2, initial_interval: 30m, max_interval: 30m, jitter: 0"
        try self.withSupervisor(type: type, retry: retry) { supervisor, connection in
            let channel = try connection.openChannel()
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.counts.retried == 1 })
                #expect(try channel.declareQueue(delay, passive: true).messageCount == 1)
                guard let control = Broker.control else { return }
                // Its ack may be on its way.
                let deadline = MonotonicClock.now() + 60_000_000_000
                while try control.unacknowledged(in: self.queue) > 0, MonotonicClock.now() < deadline {}
                #expect(try control.unacknowledged(in: self.queue) == 0)
                #expect(try control.unacknowledged(in: delay) == 0)
            }
            #expect(try channel.declareQueue(self.queue, passive: true).messageCount == 0)
            let arguments = DelayStep(milliseconds: 1_800_000).arguments(for: self.queue, isSafe: type == "quorum")
            guard case .int64(let expires) = arguments["x-expires"] else { return #expect(Bool(false), "no x-expires") }
            #expect(expires > 1_800_000)
            #expect(try channel.declareQueue(delay, arguments: arguments).messageCount == 1)
            for (key, value) in [("x-expires", expires + 1), ("x-expires", nil), ("x-message-ttl", 1)]
                as [(String, Int64?)]
            {
                var others = arguments
                others[key] = value.map { .int64($0) }
                let probe = try connection.openChannel()
                let error = #expect(throws: AMQPError.self) { try probe.declareQueue(delay, arguments: others) }
                #expect(error?.code == AMQPError.Code(.preconditionFailed), "\(key)")
            }
            try channel.deleteQueue(delay)
        }
    }
}
