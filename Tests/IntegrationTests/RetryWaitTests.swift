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
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
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
            for queue in delayQueues(of: self.queue) { try channel.deleteQueue(queue) }
        }
    }

    @Test(arguments: ["classic", "quorum"])
    func `a long wait ends in its queue with the supervisor, and goes on with the next one`(type: String) throws {
        let delay = self.queue + ".delay.256s"
        let retry = "max_attempts: 2, initial_interval: 30m, max_interval: 30m, jitter: 0"
        try self.withSupervisor(type: type, retry: retry) { supervisor, connection in
            let channel = try connection.openChannel()
            try supervisor.whileRunning { #expect(supervisor.wait { $0.counts.retried == 1 }) }
            #expect(try channel.declareQueue(self.queue, passive: true).messageCount == 0)
            #expect(try awaitCount(1, in: delay, channel))
            let copy = try #require(try channel.get(delay))
            let headers = try copy.properties.headers
            #expect(headers?["millrace-left"]?.intValue == 1_544_000)
            try channel.nack(copy, requeue: true)
            for queue in delayQueues(of: self.queue) { try channel.deleteQueue(queue) }
        }
    }

    @Test func `a delay queue never expires, drops nothing, and gives what it must throw out to the job's queue`()
        throws
    {
        let queue = DelayQueue(home: "orders", type: .quorum, ladder: .standard)
        #expect(queue.arguments["x-expires"] == nil)
        #expect(queue.arguments["x-message-ttl"] == nil)
        #expect(queue.arguments["x-overflow"] == "reject-publish")
        #expect(queue.arguments["x-dead-letter-routing-key"] == "orders")
        #expect(queue.arguments["x-queue-type"] == "quorum")
        #expect(DelayQueue(home: "orders", type: nil, ladder: .standard).arguments["x-queue-type"] == nil)
    }
}
