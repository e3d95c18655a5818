import AMQPClient
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Whether the redelivered message has come.
private let hasComeAgain = Monitor(false)

/// Holds its first delivery until the broker has given the message to somebody else; then it fails.
private struct Slow: SyncJobHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        if message.attempt > 1 {
            hasComeAgain.withLock { $0 = true }
            hasComeAgain.broadcast()
            return .ack
        }
        let _: Bool? = hasComeAgain.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 ? true : nil }
        return .retry("later than consumer_timeout")
    }
}

private let plugin = MillracePlugin(name: "slow", [.sync("slow.sync", Slow.self)])

extension OwnBrokerTests {
    /// A job whose handler outlasts the broker's patience.
    struct JobConsumerTimeoutTests {
        @Test
        func `C54 C61: after consumer_timeout the message counts as one that hung, and its late failure makes no copy`()
            async throws
        {
            try await OwnBrokerTests.run { rig, node in
                try node.set("consumer_timeout", 1000)
                try node.set("channel_tick_interval", 300)
                let outcome = Result { try Self.run(node.endpoint) }
                try node.set("consumer_timeout", 1_800_000)
                try node.set("channel_tick_interval", 60_000)
                try outcome.get()
            }
        }

        private static func run(_ endpoint: Endpoint) throws {
            let queue = Broker.unique("slow")
            let text = """
                version: 1
                connection:
                  uri: "amqp://\(endpoint.user):\(endpoint.password)@127.0.0.1:\(endpoint.port)"
                  recovery: { initial_interval: 20ms, max_interval: 100ms }
                queues: { \(queue): { type: quorum } }
                jobs:
                  work:
                    queue: \(queue)
                    handler: slow.sync
                    threads: 2
                    prefetch: 1
                    # Less than the broker's patience with whoever holds a copy that waits: its ack is to be in time.
                    retry: { initial_interval: 100ms, jitter: 0 }
                """
            let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
            #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
            let connection = try Broker.connect(to: endpoint)
            defer { connection.close() }
            let channel = try connection.openChannel()
            try channel.publish([1], routingKey: queue)
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.counts.acked == 1 && $0.counts.droppedAcks == 1 && $0.consuming == 2 })
            }
            // By whoever got it again; its attempt of before is counted with it.
            #expect(supervisor.counts.retried == 1)
            #expect(try channel.declareQueue(queue, passive: true).messageCount == 0)
            try channel.deleteQueue(queue)
        }
    }
}
