import AMQPClient
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// When `Echo` was called, by its output.
private let calls = Monitor<[String: [UInt64]]>([:])

/// Publishes what it gets.
private struct Echo: SyncJobHandler {
    private let output: String
    init(_ options: HandlerOptions) throws { self.output = try options.string("output") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        calls.withLock { $0[self.output, default: []].append(MonotonicClock.now()) }
        try context.publish(message.bodyBytes, routingKey: self.output)
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.echo", Echo.self)])

/// `publishing: separate`, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct SeparateConnectionTests {
    private let input = Broker.unique("separate")
    private var output: String { self.input + ".out" }

    private func jobFile() throws -> JobFile {
        let text = """
            version: 1
            connection:
              uri: "\(Broker.uri ?? "")"
              name: \(self.input)
              publishing: separate
              recovery: { initial_interval: 20ms, max_interval: 20ms }
            queues: { \(self.input): {}, \(self.output): {} }
            jobs:
              work: { queue: \(self.input), handler: tests.echo, prefetch: 1, with: { output: \(self.output) } }
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private func withChannel(_ body: (TestSupervisor, Channel) throws -> Void) throws {
        let file = try self.jobFile()
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        try supervisor.whileRunning { try body(supervisor, channel) }
        for queue in [self.input, self.output] { try channel.deleteQueue(queue) }
    }

    @Test func `an output waits for no clock`() throws {
        try self.withChannel { supervisor, channel in
            for _ in 0..<100 { try channel.publish([1], routingKey: self.input) }
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            #expect(supervisor.wait { $0.counts.acked == 100 })
            // At a prefetch of 1 each waits for the one before. Were it the tick that sends, no two calls would be
            // nearer than 100 ms; on a busy machine most may be farther apart, but not all.
            let times = calls.withLock { $0[self.output] ?? [] }
            let gaps = zip(times.dropFirst(), times).map { $0 - $1 }.sorted()
            try #require(gaps.count == 99)
            #expect(gaps[5] < 50_000_000)
        }
    }

    @Test(.enabled(if: Broker.control != nil, "needs rabbitmqctl"))
    func `a consumer that is opened again and again opens the channel for outputs once`() throws {
        try self.withChannel { supervisor, channel in
            for round in 1...4 {
                try channel.publish([1], routingKey: self.input)
                let isBack = supervisor.wait { $0.counts.acked == round && $0.consuming == 1 }
                try #require(isBack, "round \(round)")
                try channel.deleteQueue(self.input)
                _ = try channel.declareQueue(self.input)
            }
            try channel.publish([1], routingKey: self.input)
            #expect(supervisor.wait { $0.counts.acked == 5 })
            let control = try #require(Broker.control)
            let listed = try Tool.run(
                control.command,
                ["--silent", "list_connections", "client_properties", "channels"]
            )
            let line = try #require(
                listed.output.split(separator: "\n").first { $0.contains("\(self.input), outputs") }
            )
            #expect(line.hasSuffix("\t1"), "\(line)")
        }
    }
}
