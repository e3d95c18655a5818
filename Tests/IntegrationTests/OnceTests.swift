import AMQPClient
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Takes its time: until it should end.
private struct Slow: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        while !context.isCancelled { Busy.block(for: .milliseconds(1)) }
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.slow", Slow.self)])

/// When `--once` thinks that everything is done, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct OnceTests {
    private let queue = Broker.unique("once")

    @Test func `with once, messages that wait behind a handler that takes long are not given back`() throws {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues: { \(self.queue): {} }
            jobs: { work: { queue: \(self.queue), handler: tests.slow, timeout: 1500ms } }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for _ in 0..<3 { try channel.publish([1], routingKey: self.queue) }
        #expect(try channel.awaitConfirms(timeout: .seconds(30)) == [])
        let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
        #expect(supervisor.run() == .clean)
        #expect(supervisor.counts.acked == 3)
        #expect(supervisor.counts.givenBack == 0)
        try channel.deleteQueue(self.queue)
    }
}
