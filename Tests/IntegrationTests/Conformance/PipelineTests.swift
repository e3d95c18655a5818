import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// Several requests in one write.
@Suite(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct PipelineTests {
    @Test func `C62: open, declare and consume in one write are answered in their order`() async throws {
        try await Rig.run { rig in
            let raw = try rig.raw()
            // The empty name is the queue declared before.
            try raw.sendTogether(
                ChannelOpen(),
                QueueDeclare(exclusive: true),
                BasicConsume(queue: "", consumerTag: "c", noAck: true),
                on: 5
            )
            try raw.frames.expect(ChannelOpenOk.self, on: 5)
            let queue = try raw.frames.expect(QueueDeclareOk.self, on: 5).queue
            #expect(try raw.frames.expect(BasicConsumeOk.self, on: 5).consumerTag == "c")
            try raw.publish(to: queue, on: 5)
            #expect(try raw.frames.expect(BasicDeliver.self, on: 5).consumerTag == "c")
        }
    }

    @Test func `C62: three declares in one write are answered in their order`() async throws {
        try await Rig.run { rig in
            let raw = try rig.raw()
            try raw.open(1)
            let names = (1...3).map { _ in Broker.unique("pipelined") }
            try raw.sendTogether(
                QueueDeclare(queue: names[0], exclusive: true),
                QueueDeclare(queue: names[1], exclusive: true),
                QueueDeclare(queue: names[2], exclusive: true),
                on: 1
            )
            for name in names { #expect(try raw.frames.expect(QueueDeclareOk.self, on: 1).queue == name) }
        }
    }
}
