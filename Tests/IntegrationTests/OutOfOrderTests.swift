import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Waits at the gate of its message.
private struct Gated: JobHandler {
    private let name: String
    init(_ options: HandlerOptions) throws { self.name = try options.string("gate") }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        let text = String(decoding: message.bodyBytes, as: UTF8.self)
        gateNamed(self.name).note(text)
        for await _ in gateNamed("\(self.name).\(text)").stream() {}
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.async("tests.gated", Gated.self)])

/// Many in flight on one thread and channel, settled out of order, on a real RabbitMQ.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere && Broker.control != nil, "needs AMQP_URL and its rabbitmqctl; ops/test has both"),
    .timeLimit(.minutes(10))
)
struct OutOfOrderTests {
    private let queue = Broker.unique("order")

    @Test
    func `the first one held, the others acked in another order: after a cut the first one alone comes again`()
        throws
    {
        let proxy = try CuttingProxy(to: try Broker.endpoint())
        defer { proxy.stop() }
        let text = """
            version: 1
            connection:
              uri: "amqp://guest:guest@127.0.0.1:\(proxy.endpoint.port)"
              recovery: { initial_interval: 20ms, max_interval: 100ms }
            queues: { \(self.queue): {} }
            jobs:
              work:
                queue: \(self.queue)
                handler: tests.gated
                tasks_per_thread: 8
                prefetch: 8
                ack: { batch: 3 }
                with: { gate: \(self.queue) }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let control = try #require(Broker.control)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for number in 1...8 { try channel.publish(Array("\(number)".utf8), routingKey: self.queue) }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let supervisor = try TestSupervisor(file, [plugin.descriptor])
        let gate = gateNamed(self.queue)
        try supervisor.whileRunning {
            #expect(gate.wait { $0.count == 8 })
            #expect(gate.begun == (1...8).map(String.init))
            for number in [8, 3, 5, 2, 7, 6, 4] { gateNamed("\(self.queue).\(number)").open() }
            #expect(supervisor.wait { $0.counts.acked == 7 })
            let deadline = MonotonicClock.now() + 60_000_000_000
            while try control.unacknowledged(in: self.queue) > 1, MonotonicClock.now() < deadline {}
            // The first one is not covered by what is acked behind it.
            #expect(try control.unacknowledged(in: self.queue) == 1)
            #expect(proxy.cut() == 1)
            #expect(gate.wait { $0.count == 9 })
            gateNamed("\(self.queue).1").open()
            #expect(supervisor.wait { $0.counts.acked == 8 && $0.counts.droppedAcks == 1 })
        }
        #expect(gate.begun.dropFirst(8) == ["1"])
        #expect(try channel.declareQueue(self.queue, passive: true).messageCount == 0)
        try channel.deleteQueue(self.queue)
    }
}
