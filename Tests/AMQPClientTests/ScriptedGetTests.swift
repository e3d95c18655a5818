import AMQPClient
import AMQPWire
import Testing
import TestSupport

/// Answers and deliveries that come in one read, so that only the tags tell their order.
@Suite(.timeLimit(.minutes(10))) struct ScriptedGetTests {
    private static func deliver(_ tag: UInt64, redelivered: Bool = false) -> BasicDeliver {
        BasicDeliver(consumerTag: "c", deliveryTag: tag, redelivered: redelivered, exchange: "", routingKey: "q")
    }

    private static func got(_ tag: UInt64) -> BasicGetOk {
        BasicGetOk(deliveryTag: tag, exchange: "", routingKey: "q", messageCount: 0)
    }

    @Test func `C53: a message of basic.get can be acked, whatever comes right behind it`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            let got = try #require(try channel.get("q"))
            let delivery = try #require(try channel.nextDelivery(timeout: .seconds(60)))
            #expect(channel.unsettledCount == 2)
            try channel.ack(got)
            try channel.ack(delivery)
            try channel.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicGet.self, on: 1)
            try peer.sendRaw(Octets.content(Self.got(1), [1], on: 1) + Octets.content(Self.deliver(2), [2], on: 1))
            #expect(try peer.expect(BasicAck.self, on: 1) == BasicAck(deliveryTag: 1))
            #expect(try peer.expect(BasicAck.self, on: 1) == BasicAck(deliveryTag: 2))
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `C59: recover-ok between deliveries parts those that come again from those that are new`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            let first = try #require(try channel.get("q"))
            try channel.recover()
            #expect(channel.unsettledCount == 2)
            #expect(Scripted.error { () throws(AMQPError) in try channel.ack(first) }?.code == .refusedLocally)
            // 2 came before recover-ok: the broker has taken it back, so it is not handed out.
            for tag: UInt64 in [3, 4] {
                let delivery = try #require(try channel.nextDelivery(timeout: .seconds(60)))
                #expect(delivery.deliveryTag == tag)
                try channel.ack(delivery)
            }
            try channel.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicGet.self, on: 1)
            try peer.sendContent(Self.got(1), [1], on: 1)
            try peer.expect(BasicRecover.self, on: 1)
            let again = try [3, 4].map { try Octets.content(Self.deliver($0, redelivered: true), [1], on: 1) }
            try peer.sendRaw(
                Octets.content(Self.deliver(2), [2], on: 1) + Octets.method(BasicRecoverOk(), on: 1)
                    + again.flatMap { $0 }
            )
            #expect(try peer.expect(BasicAck.self, on: 1) == BasicAck(deliveryTag: 3))
            #expect(try peer.expect(BasicAck.self, on: 1) == BasicAck(deliveryTag: 4))
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `C37: deliveries of a number's last life are dropped, even after open-ok and consume-ok of the next`()
        throws
    {
        var options = Scripted.options
        options.channelMax = 1
        try Scripted.run(options) { connection in
            let first = try connection.openChannel()
            try first.consume("q")
            #expect(try first.nextDelivery(timeout: .seconds(60))?.deliveryTag == 1)
            #expect(
                Scripted.error { () throws(AMQPError) in _ = try first.get("missing") }?.code == AMQPError.Code(404)
            )
            let second = try connection.openChannel()
            #expect(second.number == 1)
            try second.consume("q")
            let delivery = try #require(try second.nextDelivery(timeout: .seconds(60)))
            #expect(delivery.deliveryTag == 1)
            #expect(delivery.bodyByteCount == 3)
            try second.ack(delivery)
            try second.prefetch(1)
            #expect(try second.nextDelivery(timeout: .zero) == nil)
            #expect(second.unsettledCount == 0)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "old"), on: 1)
            let old = { tag in
                BasicDeliver(consumerTag: "old", deliveryTag: tag, exchange: "", routingKey: "q")
            }
            try peer.sendContent(old(1), [1], on: 1)
            try peer.expect(BasicGet.self, on: 1)
            try peer.send(ChannelClose(replyCode: 404, replyText: "NOT_FOUND"), on: 1)
            try peer.sendContent(old(2), [1], on: 1)
            try peer.expect(ChannelCloseOk.self, on: 1)
            try peer.expect(ChannelOpen.self, on: 1)
            try peer.sendContent(old(3), [1], on: 1)
            try peer.send(ChannelOpenOk(), on: 1)
            try peer.sendContent(old(4), [1], on: 1)
            try peer.sendContent(old(5), [UInt8](repeating: 1, count: 20_000), on: 1)
            try peer.send(BasicCancel(consumerTag: "old"), on: 1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "new"), on: 1)
            try peer.sendContent(old(6), [1], on: 1)
            let new = BasicDeliver(consumerTag: "new", deliveryTag: 1, exchange: "", routingKey: "q")
            try peer.sendContent(new, [1, 2, 3], on: 1)
            try peer.sendContent(old(7), [1], on: 1)
            #expect(try peer.expect(BasicAck.self, on: 1) == BasicAck(deliveryTag: 1))
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `C53: tags that do not count up end the channel on both sides, and no other`() throws {
        try Scripted.run { connection in
            let channels = try [connection.openChannel(), connection.openChannel(), connection.openChannel()]
            #expect(
                Scripted.error { () throws(AMQPError) in _ = try channels[0].get("q") }?.code == .protocolViolation
            )
            #expect(
                Scripted.error { () throws(AMQPError) in
                    while try channels[1].nextDelivery(timeout: .seconds(60)) != nil {}
                }?.code == .protocolViolation
            )
            try channels[2].prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2, 3)
            try peer.expect(BasicGet.self, on: 1)
            try peer.sendContent(Self.got(0), [1], on: 1)
            try peer.expect(ChannelClose.self, on: 1)
            try peer.sendRaw(Octets.content(Self.deliver(1), [1], on: 2) + Octets.content(Self.deliver(1), [1], on: 2))
            try peer.expect(ChannelClose.self, on: 2)
            try peer.expectPrefetch(on: 3)
            try peer.finish()
        }
    }
}
