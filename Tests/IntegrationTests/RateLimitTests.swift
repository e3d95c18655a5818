import AMQPClient
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Jobs with a rate limit beside others, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct RateLimitTests {
    private let free = Broker.unique("free")
    private let limited = Broker.unique("limited")

    @Test func `a rate limit holds its own job: another one on the same connection finishes meanwhile`() throws {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues: { \(self.free): {}, \(self.limited): {} }
            jobs:
              free: { queue: \(self.free), handler: say.sync, prefetch: 10 }
              limited:
                queue: \(self.limited)
                handler: say.sync
                prefetch: 10
                rate_limit: { allowed: 1, interval: 1h }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        let supervisor = try TestSupervisor(file, [Saying.plugin.descriptor])
        try supervisor.whileRunning {
            for _ in 0..<20 { try channel.publish(Array("ack".utf8), routingKey: self.limited) }
            #expect(supervisor.wait(job: 1) { $0.counts.acked == 1 })
            for _ in 0..<500 { try channel.publish(Array("ack".utf8), routingKey: self.free) }
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            #expect(supervisor.wait { $0.counts.acked == 500 })
            #expect(supervisor.status[1].counts.acked == 1)
        }
        #expect(supervisor.status.map(\.counts.acked) == [500, 1])
        #expect(try channel.declareQueue(self.limited, passive: true).messageCount == 19)
        for queue in [self.free, self.limited] { try channel.deleteQueue(queue) }
    }
}
