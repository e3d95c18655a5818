import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// Closes of both sides at once, and what is on its way around them.
@Suite(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct CrossingCloseTests {
    private static let bye = ChannelClose(replyCode: 200, replyText: "bye")

    @Test func `C39: the broker's close and our own cross: both get their close-ok`() async throws {
        try await Rig.run { rig in
            let raw = try rig.raw()
            try raw.open(1, 2)
            for _ in 1...20 {
                try raw.sendTogether(BasicAck(deliveryTag: 77), Self.bye, on: 1)
                let close = try raw.frames.expect(ChannelClose.self, on: 1)
                #expect(close.replyCode == .preconditionFailed)
                try raw.frames.expect(ChannelCloseOk.self, on: 1)
                try raw.send(ChannelCloseOk(), on: 1)
                try raw.open(1)
                _ = try raw.declareQueue(on: 1)
            }
            _ = try raw.declareQueue(on: 2)
        }
    }

    /// Where RabbitMQ loses its close-ok, `close` takes five seconds longer; the number is free afterwards in any case.
    @Test func `C39 C40: our client closes into errors of the broker 500 times: numbers come back, nobody notices`()
        async throws
    {
        try await Rig.run { rig in
            let numbers = 64
            let connection = try rig.connect { $0.channelMax = numbers }
            let neighbour = try connection.openChannel()
            let missing = Broker.unique("missing")
            var refusals = 0
            for round in 0..<500 {
                let channel = try connection.openChannel()
                // The error is on its way when the close is sent, at another distance each time.
                try channel.publish([1], exchange: missing, routingKey: "k")
                for _ in 0..<(round % 5) { _ = try? channel.publish([2], routingKey: missing) }
                channel.close()
                #expect(!channel.isOpen)
                if channel.endReason?.code == AMQPError.Code(.notFound) { refusals += 1 }
            }
            #expect(refusals > 0, "the broker's close never came first")
            try neighbour.proveAlive()
            var all = [neighbour]
            while all.count < numbers { all.append(try connection.openChannel()) }
            #expect(Set(all.map(\.number)) == Set(1...UInt16(numbers)))
            for channel in all { try channel.prefetch(1) }
        }
    }

    @Test func `C36: what was sent before our answer to the broker's close is ignored`() async throws {
        try await Rig.run { rig in
            let raw = try rig.raw()
            try raw.open(1, 2)
            let queue = try raw.declareQueue(on: 2)
            let never = Broker.unique("never")
            try raw.send(BasicGet(queue: Broker.unique("missing")), on: 1)
            let close = try raw.nextClose()
            // A request, an ack and a content on a channel that has ended; none has an effect or an answer.
            try raw.send(QueueDeclare(queue: never, exclusive: true), on: 1)
            try raw.send(BasicAck(deliveryTag: 99), on: 1)
            try raw.publish(to: queue, on: 1)
            try raw.answer(close)
            try raw.open(1)
            #expect(
                try raw.ask(QueueDeclare(queue: queue, passive: true), QueueDeclareOk.self, on: 2).messageCount == 0
            )
            try raw.send(QueueDeclare(queue: never, passive: true), on: 1)
            #expect(try raw.nextClose().code == .notFound)
        }
    }
}
