import AMQPClient
import AMQPWire
import Logging
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Publishes what it gets, if it is told where.
private struct Forwarding: SyncJobHandler {
    private let routingKey: String

    init(_ options: HandlerOptions) throws { self.routingKey = try options.string("routing_key", default: "") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        if !self.routingKey.isEmpty { try context.publish(message.bodyBytes, routingKey: self.routingKey) }
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.forwarding", Forwarding.self)])

extension OwnBrokerTests {
    struct SeparateOutputsTests {
        /// The latest status of a running supervisor.
        private final class Latest: Sendable {
            private let counts = Monitor<[String: JobCounts]>([:])

            func set(_ status: [JobStatus]) {
                self.counts.withLock { $0 = Dictionary(uniqueKeysWithValues: status.map { ($0.name, $0.counts) }) }
                self.counts.broadcast()
            }

            func await(_ job: String, _ isDone: (JobCounts) -> Bool) -> Bool {
                self.counts.wait(until: MonotonicClock.deadline(in: Patience.long)) { counts -> Bool? in
                    guard let counts = counts[job], isDone(counts) else { return nil }
                    return true
                } ?? false
            }
        }

        private static func jobFile(_ endpoint: Endpoint) throws -> JobFile {
            let text = """
                version: 1
                connection:
                  uri: amqp://\(endpoint.host):\(endpoint.port)
                  publishing: separate
                queues: { noisy: {}, quiet: {}, out: {} }
                jobs:
                  noisy:
                    queue: noisy
                    handler: tests.forwarding
                    threads: 2
                    with: { routing_key: out }
                  quiet: { queue: quiet, handler: tests.forwarding, prefetch: 1 }
                """
            return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        }

        @Test func `C51: with a connection of their own for outputs, deliveries and acks go on during an alarm`()
            async throws
        {
            try await OwnBrokerTests.run { rig, node in
                let channel = try rig.connect().openChannel()
                for queue in ["noisy", "quiet", "out"] { _ = try channel.declareQueue(queue) }
                try channel.fill("noisy", 1...20)
                try channel.fill("quiet", 1...50)
                let latest = Latest()
                var registry = PluginRegistry()
                try registry.add(linkedIn: plugin.descriptor)
                let supervisor = try Supervisor(
                    file: Self.jobFile(node.endpoint),
                    registry: registry,
                    options: SupervisorOptions(statusInterval: .milliseconds(50)),
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                    onStatus: { latest.set($0.jobs) }
                )
                let thread = try MemoryAlarmTests.underAlarm(node) {
                    let thread = try WorkerThread.start(name: "supervisor") { _ = supervisor.run() }
                    // At a prefetch of 1 every delivery but the first waits for the ack before it.
                    #expect(latest.await("quiet") { $0.acked == 50 })
                    #expect(latest.await("noisy") { $0.received == 20 })
                    return thread
                }
                #expect(latest.await("noisy") { $0.acked == 20 })
                supervisor.stop()
                thread.join()
                let other = try rig.connect().openChannel()
                #expect(try other.declareQueue("out", passive: true).messageCount == 20)
                #expect(try other.declareQueue("noisy", passive: true).messageCount == 0)
                for queue in ["noisy", "quiet", "out"] { try other.deleteQueue(queue) }
            }
        }
    }
}
