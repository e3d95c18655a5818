import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Publishes what it gets, twice.
private struct Doubling: SyncJobHandler {
    init(_ options: HandlerOptions) {}

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        for _ in 0..<2 { try context.publish(message.bodyBytes, routingKey: "doubled") }
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.doubling", Doubling.self)])

extension OwnBrokerTests {
    struct BlockedOutputsTests {
        private static func jobFile(_ endpoint: Endpoint, _ mode: String) throws -> JobFile {
            let text = """
                version: 1
                connection: { uri: "amqp://\(endpoint.host):\(endpoint.port)", heartbeat: 1s }
                queues: { singles: {}, doubled: {} }
                jobs:
                  work:
                    queue: singles
                    handler: tests.doubling
                    prefetch: 15
                    publish: { mode: \(mode) }
                """
            return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        }

        @Test(arguments: ["confirm", "tx", "none"])
        func `C51: outputs wait while the broker blocks publishers, and none is lost`(mode: String) async throws {
            try await OwnBrokerTests.run { rig, node in
                let channel = try rig.connect().openChannel()
                for queue in ["singles", "doubled"] { _ = try channel.declareQueue(queue) }
                try channel.fill("singles", 1...50)
                let supervisor = try TestSupervisor(Self.jobFile(node.endpoint, mode), [plugin.descriptor])
                let thread = try MemoryAlarmTests.underAlarm(node) {
                    let thread = try WorkerThread.start(name: "supervisor") { _ = supervisor.run() }
                    // All that the prefetch lets in is handled; what it published is not read.
                    #expect(supervisor.wait { $0.counts.received == 15 })
                    #expect(supervisor.wait { _ in !supervisor.readiness.isReady })
                    #expect(supervisor.readiness.reasons.contains { $0.hasPrefix("the broker blocks the connection") })
                    return thread
                }
                #expect(supervisor.wait { $0.counts.acked == 50 })
                supervisor.stop()
                thread.join()
                #expect(supervisor.counts.published == 100)
                try channel.consume("doubled", noAck: true)
                for _ in 1...100 { #expect(try channel.nextDelivery(timeout: Patience.long) != nil) }
                #expect(try channel.declareQueue("singles", passive: true).messageCount == 0)
                for queue in ["singles", "doubled"] { try channel.deleteQueue(queue) }
            }
        }
    }
}
