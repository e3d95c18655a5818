import AMQPWire
import TestSupport
import Testing

/// channel.flow from our side, which our API does not offer (C65).
@Suite(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct FlowTests {
    @Test func `C65: asking for what is so anyway is answered, and deliveries go on`() async throws {
        try await Rig.run { rig in
            let raw = try rig.raw()
            try raw.open(1)
            let queue = try raw.declareQueue(on: 1)
            try raw.ask(BasicConsume(queue: queue, consumerTag: "c"), BasicConsumeOk.self, on: 1)
            #expect(try raw.ask(ChannelFlow(active: true), ChannelFlowOk.self, on: 1).active)
            try raw.publish(to: queue, on: 1)
            try raw.frames.expect(BasicDeliver.self, on: 1)
        }
    }

    @Test func `C65: asking for a pause costs the connection`() async throws {
        try await Rig.run { rig in
            let raw = try rig.raw()
            try raw.open(1)
            try raw.send(ChannelFlow(active: false), on: 1)
            let close = try raw.nextClose()
            #expect(close.code == .notImplemented)
            #expect(close.channel == 0)
            #expect(close.method == .channelFlow)
            try raw.answer(close)
            try raw.frames.expectEnd()
        }
    }
}
