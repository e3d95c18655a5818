import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Fails as often as the message says, with what it says, and publishes what it saw when it succeeds.
private struct Stubborn: SyncJobHandler {
    private let output: String

    init(_ options: HandlerOptions) throws { self.output = try options.string("output") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        let words = String(decoding: message.bodyBytes, as: UTF8.self).split(separator: " ").map(String.init)
        let attempt = Int(message.attempt)
        switch words[0] {
        case "fail" where attempt <= Int(words[1]) ?? 0: return .retry("attempt \(attempt) failed")
        case "long": return .retry(String(repeating: "é", count: 1 << 19))
        case "reject": return .reject("not for us")
        case "nap" where message.header("millrace-routing-key") == nil: return .snooze(.milliseconds(50))
        default: break
        }
        let text = "\(words.joined(separator: " ")): \(attempt) \(message.exchange) \(message.routingKey)"
        try context.publish(Array(text.utf8), routingKey: self.output)
        return .ack
    }
}

private struct StubbornAsync: JobHandler {
    private let inner: Stubborn

    init(_ options: HandlerOptions) throws { self.inner = try Stubborn(options) }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        await Task.yield()
        return try self.inner.handle(message, context)
    }
}

private let plugin = MillracePlugin(
    name: "tests",
    [.sync("tests.stubborn", Stubborn.self), .async("tests.stubborn_async", StubbornAsync.self)]
)

/// Retries held by the broker, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct RetryTests {
    private let input = Broker.unique("retry")
    private var output: String { self.input + ".out" }
    private var dead: String { self.input + ".dead" }
    private static let retry = "{ max_attempts: 4, initial_interval: 20ms, multiplier: 2, jitter: 0 }"

    private func jobFile(
        handler: String = "tests.stubborn",
        queue: String = "{}",
        queues: String = "",
        job: String = "",
        output: String? = nil
    ) throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues:
              \(self.input): \(queue)
              \(self.output): {}
            \(queues)
            jobs:
              work:
                queue: \(self.input)
                handler: \(handler)
                threads: 2
                retry: \(Self.retry)
                with: { output: "\(output ?? self.output)" }
            \(job)
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private func run(
        _ bodies: [String],
        handler: String = "tests.stubborn",
        queue: String = "{}",
        queues: String = "",
        job: String = "",
        exchange: String = "",
        output: String? = nil
    ) throws -> JobCounts {
        let file = try self.jobFile(handler: handler, queue: queue, queues: queues, job: job, output: output)
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        if !exchange.isEmpty {
            try channel.declareExchange(exchange, type: "topic", autoDelete: true)
            try channel.bindQueue(self.input, to: exchange, routingKey: "#")
        }
        for body in bodies {
            var properties = BasicProperties()
            properties.userID = "guest"
            properties.headers = ["kept": "yes"]
            try channel.publish(
                Array(body.utf8),
                exchange: exchange,
                routingKey: exchange.isEmpty ? self.input : "some.key",
                properties: properties
            )
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        connection.close()
        let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
        #expect(supervisor.run() == .clean)
        return supervisor.counts
    }

    /// Everything in a queue, in its order; the queue is deleted.
    private func take(_ queue: String) throws -> [Delivery] {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        var all: [Delivery] = []
        while let delivery = try channel.get(queue, noAck: true) { all.append(delivery) }
        try channel.deleteQueue(queue)
        return all
    }

    private func texts(_ queue: String) throws -> [String] {
        try self.take(queue).map { String(decoding: $0.body, as: UTF8.self) }.sorted()
    }

    private func remove() throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        for queue in [self.input, self.output, self.dead] { try channel.deleteQueue(queue) }
        for queue in delayQueues(of: self.input) { try channel.deleteQueue(queue) }
    }

    @Test(arguments: ["tests.stubborn", "tests.stubborn_async"], ["classic", "quorum"])
    func `a failed message comes again after its wait, as the next attempt, from where it was first published`(
        handler: String,
        type: String
    ) throws {
        let exchange = self.input + ".x"
        let counts = try self.run(
            ["fail 0", "fail 1", "fail 3"],
            handler: handler,
            queue: "{ type: \(type) }",
            job: "    tasks_per_thread: 4",
            exchange: exchange
        )
        #expect(counts.retried == 4)
        #expect(counts.rejected == 0)
        #expect(counts.acked == 3)
        #expect(
            try self.texts(self.output) == [
                "fail 0: 1 \(exchange) some.key", "fail 1: 2 \(exchange) some.key", "fail 3: 4 \(exchange) some.key",
            ]
        )
        try self.remove()
    }

    @Test func `after the last attempt it is a dead letter that says why, though nobody declared a target`() throws {
        let counts = try self.run(["fail 9", "long", "reject x"])
        #expect(counts.retried == 6)
        #expect(counts.rejected == 3)
        #expect(counts.acked == 0)
        let dead = try self.take(self.dead)
        let byBody = Dictionary(uniqueKeysWithValues: dead.map { (String(decoding: $0.body, as: UTF8.self), $0) })
        let exhausted = try #require(try byBody["fail 9"]?.properties.headers)
        #expect(exhausted["millrace-failure"] == "exhausted")
        #expect(exhausted["millrace-error"] == "attempt 4 failed")
        #expect(exhausted["millrace-attempt"]?.intValue == 4)
        #expect(exhausted["millrace-routing-key"]?.stringValue == self.input)
        #expect(exhausted["millrace-job"] == "work")
        #expect(exhausted["kept"] == "yes")
        #expect(exhausted["millrace-error-place"]?.stringValue?.hasPrefix("tests.stubborn on ") == true)
        let long = try #require(try byBody["long"]?.properties.headers?["millrace-error"]?.stringValue)
        #expect(long.utf8.count <= 1000)
        let rejected = try #require(try byBody["reject x"]?.properties.headers)
        #expect(rejected["millrace-failure"] == "rejected")
        #expect(rejected["millrace-attempt"]?.intValue == 1)
        try self.remove()
    }

    @Test func `a declared target gets the dead letters`() throws {
        let grave = self.input + ".grave"
        let counts = try self.run(
            ["reject x"],
            queue: "{ dead_letter: { routing_key: \(grave) } }",
            queues: "  \(grave): {}"
        )
        #expect(counts.rejected == 1)
        #expect(try self.texts(grave) == ["reject x"])
        try self.remove()
    }

    @Test func `a copy that is refused leaves the message in its queue`() throws {
        let grave = self.input + ".grave"
        // Its dead-letter target holds one message and refuses the second.
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        _ = try channel.declareQueue(grave, arguments: ["x-max-length": 1, "x-overflow": "reject-publish"])
        _ = try channel.declareQueue(self.input, arguments: Self.deadLetter(grave))
        try channel.selectConfirms()
        try channel.publish([1], routingKey: grave)
        try channel.publish(Array("reject x".utf8), routingKey: self.input)
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let file = try self.jobFile(queue: "{ dead_letter: { routing_key: \(grave) } }")
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        try supervisor.whileRunning {
            #expect(supervisor.wait { $0.counts.givenBack >= 2 })
            _ = try channel.get(grave, noAck: true)  // now there is room
            #expect(supervisor.wait { $0.counts.rejected == 1 })
        }
        #expect(try self.texts(grave) == ["reject x"])
        connection.close()
        try self.remove()
    }

    private static func deadLetter(_ queue: String) -> FieldTable {
        ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(queue)]
    }

    @Test func `a snooze comes back after its time and is no attempt`() throws {
        let counts = try self.run(["nap"])
        #expect(counts.snoozed == 1)
        #expect(counts.retried == 0)
        #expect(counts.acked == 1)
        #expect(try self.texts(self.output) == ["nap: 1  \(self.input)"])
        try self.remove()
    }

    @Test func `an output that no queue takes is a failure of its input: it is tried again, then dead`() throws {
        let counts = try self.run(["fail 0", "fail 1"], output: self.input + ".nowhere")
        #expect(counts.acked == 0)
        #expect(counts.retried == 6)
        let dead = try self.take(self.dead)
        #expect(dead.count == 2)
        for delivery in dead {
            let headers = try delivery.properties.headers
            #expect(headers?["millrace-error"]?.stringValue?.contains("312") == true)
            #expect(headers?["millrace-attempt"]?.intValue == 4)
        }
        try self.remove()
    }

    @Test func `a rate limit holds what is begun to its number`() throws {
        let start = MonotonicClock.now()
        let counts = try self.run(
            (0..<30).map { _ in "fail 0" },
            job: "    rate_limit: { allowed: 10, interval: 500ms }"
        )
        #expect(counts.acked == 30)
        #expect(MonotonicClock.now() - start >= 1_000_000_000)  // ten at once, twenty at 50 ms each
        try self.remove()
    }

    @Test func `a drain without acks works off what has come, whatever the rate limit`() throws {
        let file = try self.jobFile(
            job: "    ack: none\n    rate_limit: { allowed: 1, interval: 1h }\n    publish: { mode: none }"
        )
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for number in 0..<20 { try channel.publish(Array("fail 0 \(number)".utf8), routingKey: self.input) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        let deadline = MonotonicClock.deadline(in: Patience.long) ?? 0
        try supervisor.whileRunning {
            // The broker is asked until it has sent them all: without acks it waits for nothing.
            while try channel.declareQueue(self.input, passive: true).messageCount > 0, MonotonicClock.now() < deadline
            {}
        }
        #expect(supervisor.counts.acked == 20)
        connection.close()
        #expect(try self.texts(self.output).count == 20)
        try self.remove()
    }

    @Test func `whatever number a publisher wrote, an attempt does not start over`() throws {
        let file = try self.jobFile(queue: "{ dead_letter: { routing_key: \(self.dead) } }")
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        var properties = BasicProperties()
        properties.headers = ["millrace-attempt": 1, "x-delivery-count": .int64(Int64(UInt32.max))]
        try channel.publish(Array("fail 0".utf8), routingKey: self.input, properties: properties)
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        try channel.nack(#require(try channel.get(self.input)), requeue: true)
        connection.close()
        #expect(try TestSupervisor(file, [plugin.descriptor], once: true).run() == .clean)
        #expect(try self.texts(self.output) == ["fail 0: \(UInt32.max)  \(self.input)"])
        try self.remove()
    }
}
