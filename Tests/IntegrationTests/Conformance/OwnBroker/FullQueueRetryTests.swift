import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Fails once.
private struct Failing: SyncJobHandler {
    init(_ options: HandlerOptions) {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        message.attempt == 1 ? .retry("not yet") : .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.failing", Failing.self)])

extension OwnBrokerTests {
    struct FullQueueRetryTests {
        @Test func `a copy whose time is over waits on while its classic queue is full and refuses`() async throws {
            try await OwnBrokerTests.run { rig, node in
                // How soon a refused dead letter is tried again; three minutes otherwise.
                try node.set("dead_letter_worker_publisher_confirm_timeout", 500)
                let text = """
                    version: 1
                    connection: { uri: "amqp://\(node.endpoint.host):\(node.endpoint.port)" }
                    queues: { small: { max_length: 1, overflow: reject-publish } }
                    jobs:
                      work:
                        queue: small
                        handler: tests.failing
                        retry: { initial_interval: 1s, jitter: 0 }
                    """
                let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
                #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
                let channel = try rig.connect().openChannel()
                try channel.selectConfirms()
                try channel.publish([1], routingKey: "small")
                #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
                let first = try TestSupervisor(file, [plugin.descriptor])
                try first.whileRunning { #expect(first.wait { $0.counts.retried == 1 }) }
                try channel.publish([2], routingKey: "small")
                #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
                Busy.block(for: .seconds(2))  // its time passes; nothing tells of a copy that is refused
                let second = try TestSupervisor(file, [plugin.descriptor])
                try second.whileRunning {
                    #expect(second.wait { $0.counts.acked == 2 }, "\(second.counts)")
                }
                try channel.deleteQueue("small")
            }
        }
    }
}
