import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// What becomes of publishes in confirm mode when one of them costs the channel.
@Suite(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct LostConfirmTests {
    @Test func `C45: what was confirmed before a missing exchange stays so, the rest is unknown and handed back`()
        async throws
    {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let channel = try connection.openChannel()
            let other = try connection.openChannel()
            let queue = try other.temporaryQueue()
            let missing = Broker.unique("missing")
            try channel.selectConfirms()
            for number: UInt8 in 1...3 { try channel.publish([number], routingKey: queue) }
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            // The broker may end the channel before all of these are written: those are refused and hand nothing back.
            try channel.publish([4], exchange: missing, routingKey: queue)
            var sent: [UInt8] = [4]
            for number: UInt8 in 5...7 where (try? channel.publish([number], routingKey: queue)) != nil {
                sent.append(number)
            }
            let error = try failureOf { _ = try channel.awaitConfirms(timeout: Patience.long) }
            #expect(error.code == AMQPError.Code(.notFound))
            #expect(error.method == .basicPublish)
            #expect(error.entity?.name == missing)
            let failed = channel.takeFailedPublishes()
            #expect(failed.map(\.message.body) == sent.map { [$0] })
            #expect(failed.map(\.sequence) == sent.map(UInt64.init))
            #expect(failed.allSatisfy { $0.reason == .unknown })
            #expect(failed.first?.message.exchange == missing)
            #expect(channel.takeFailedPublishes() == [])
            // Behind the one that failed nothing was taken, though nothing said so.
            try other.consume(queue, noAck: true)
            #expect(try other.deliveriesSoFar(of: queue).map(\.body) == [[1], [2], [3]])
        }
    }

    @Test func `C45: on the wire: the good ones are acked, the bad one ends the channel, no nack follows`() async throws
    {
        try await Rig.run { rig in
            let raw = try rig.raw()
            try raw.open(1)
            try raw.ask(ConfirmSelect(), ConfirmSelectOk.self, on: 1)
            let queue = try raw.declareQueue(on: 1)
            var octets: [UInt8] = []
            for number: UInt8 in 1...7 {
                let exchange = number == 4 ? "missing" : ""
                octets += try Octets.content(BasicPublish(exchange: exchange, routingKey: queue), [number], on: 1)
            }
            try raw.frames.sendRaw(octets)
            var acked: UInt64 = 0
            while true {
                let frame = try raw.frames.next()
                if frame.methodID == .channelClose { break }
                acked = max(acked, try frame.method(BasicAck.self).deliveryTag)
                #expect(frame.methodID == .basicAck)
            }
            // Acks that were not sent yet when the channel ended are not sent at all.
            #expect(acked <= 3)
            try raw.send(ChannelCloseOk(), on: 1)
            try raw.open(1)
            let status = try raw.ask(QueueDeclare(queue: queue, passive: true), QueueDeclareOk.self, on: 1)
            #expect(status.messageCount == 3)
        }
    }
}
