import AMQPClient
import AMQPWire
import Logging
import Millrace
import MillraceHandler
import TestSupport
import Testing

private struct Forwarding: SyncJobHandler {
    private let routingKey: String

    init(_ options: HandlerOptions) throws { self.routingKey = try options.string("routing_key") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try context.publish(message.bodyBytes, routingKey: self.routingKey)
        return .ack
    }
}

private let plugin = MillracePlugin(name: "recovery", [.sync("recovery.forwarding", Forwarding.self)])

/// The supervisor's connection cut again and again while its jobs work.
@Suite(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct SupervisorRecoveryTests {
    private static let cuts = 30
    /// Messages between two cuts, and how many of them are still on their way when the next one comes.
    private static let portion = 200
    private static let underWay = 120
    private let input = Broker.unique("in")
    private let output = Broker.unique("out")

    private func supervisor(_ endpoint: Endpoint) throws -> Supervisor {
        let text = """
            version: 1
            connection:
              uri: "amqp://\(endpoint.user):\(endpoint.password)@127.0.0.1:\(endpoint.port)"
              recovery: { initial_interval: 5ms, max_interval: 50ms }
            queues: { \(self.input): {}, \(self.output): {} }
            jobs:
              forward:
                queue: \(self.input)
                handler: recovery.forwarding
                threads: 3
                prefetch: 40
                ack: { batch: 8 }
                publish: { mode: confirm }
                with: { routing_key: "\(self.output)" }
            """
        var registry = PluginRegistry()
        try registry.add(linkedIn: plugin.descriptor)
        return try Supervisor(
            file: try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:]),
            registry: registry,
            logger: Broker.quiet
        )
    }

    @Test func `C54: forced disconnects while jobs work: nothing lost, no channel error, dropped acks counted`()
        async throws
    {
        try await OwnThread.run { try self.cutWhileWorking() }
    }

    private func cutWhileWorking() throws {
        let log = try BrokerLog()
        let broker = try Broker.connect()
        let channel = try broker.openChannel()
        for queue in [self.input, self.output] { _ = try channel.declareQueue(queue) }
        try channel.selectConfirms()
        let proxy = try CuttingProxy(to: try Broker.endpoint())
        defer { proxy.stop() }
        let supervisor = try self.supervisor(proxy.endpoint)
        let ended = Monitor<Millrace.ExitStatus?>(nil)
        let thread = try WorkerThread.start(name: "supervisor") {
            let status = supervisor.run()
            ended.withLock { $0 = status }
            ended.signal()
        }
        var seen: Set<String> = []
        var published = 0
        try channel.consume(self.output, noAck: true)
        for cut in 0...Self.cuts {
            for number in published..<published + Self.portion {
                try channel.publish(Array("\(number)".utf8), routingKey: self.input)
            }
            #expect(try channel.awaitConfirms(timeout: Patience.long).isEmpty)
            published += Self.portion
            // Outputs of this portion: the workers consume again.
            while seen.count < published - (cut < Self.cuts ? Self.underWay : 0) {
                let delivery = try #require(
                    try channel.nextDelivery(timeout: Patience.long),
                    "\(seen.count) outputs after \(cut) cuts; \(supervisor.readiness.reasons)"
                )
                seen.insert(String(decoding: delivery.body, as: UTF8.self))
            }
            if cut < Self.cuts { #expect(proxy.cut() > 0) }
        }
        supervisor.stop()
        #expect(ended.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 } == .clean)
        thread.join()
        let counts = try #require(supervisor.status.jobs.first).counts
        #expect(counts.droppedAcks > 0)
        #expect(counts.settled == counts.received)
        if let log {
            let errors = try log.clientErrors(from: proxy.sourceAddress, on: broker)
            #expect(errors.isEmpty, "\(errors.prefix(5))")
        }
        let last = try broker.openChannel()
        #expect(try last.declareQueue(self.input, passive: true).messageCount == 0)
        for queue in [self.input, self.output] { try last.deleteQueue(queue) }
        broker.close()
        print("\(Self.cuts) cuts of the supervisor: \(counts.received) received, \(counts.droppedAcks) acks dropped")
    }
}
