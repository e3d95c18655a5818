import AMQPClient
import AMQPWire
import NIOPosix
import Testing
import TestSupport

@Suite struct ScriptedChannelTests {
    private static let refused = ChannelClose(
        replyCode: 404,
        replyText: "NOT_FOUND - no queue",
        classID: 50,
        methodID: 10
    )

    private static func deliver(_ tag: UInt64) -> BasicDeliver {
        BasicDeliver(consumerTag: "c", deliveryTag: tag, exchange: "", routingKey: "q")
    }

    @Test func `C35 C36 C38 C42: a close of the broker is answered once, then silence, and the neighbour goes on`()
        throws
    {
        try Scripted.run { connection in
            let first = try connection.openChannel()
            let second = try connection.openChannel()
            let error = Scripted.error { () throws(AMQPError) in _ = try first.get("q") }
            #expect(error?.code == AMQPError.Code(404))
            #expect(error?.scope == .channel(1))
            #expect(error?.method == .queueDeclare)
            #expect(Scripted.error { () throws(AMQPError) in _ = try first.publish([1], routingKey: "q") } == error)
            first.close()
            try second.prefetch(1)
            try second.prefetch(2)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            try peer.expect(BasicGet.self, on: 1)
            try peer.send(Self.refused, on: 1)
            try peer.expect(ChannelCloseOk.self, on: 1)
            try peer.send(Self.refused, on: 1)  // a repeat that crossed the answer
            try peer.sendContent(Self.deliver(1), [1, 2], on: 1)
            // Strictly the next frames: nothing more of channel 1.
            try peer.expectPrefetch(on: 2)
            try peer.send(Self.refused, on: 1)
            try peer.expectPrefetch(on: 2)
            try peer.finish()
        }
    }

    @Test func `C39 C40: closes that cross are both answered, and the number waits for theirs`() throws {
        var options = Scripted.options
        options.channelMax = 1
        try Scripted.run(options) { connection in
            let channel = try connection.openChannel()
            channel.close()
            let next = try connection.openChannel()
            #expect(next.number == 1)
            #expect(next.incarnation != channel.incarnation)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(ChannelClose.self, on: 1)
            try peer.send(Self.refused, on: 1)
            try peer.expect(ChannelCloseOk.self, on: 1)
            try peer.send(ChannelCloseOk(), on: 1)
            try peer.openChannels(1)
            try peer.finish()
        }
    }

    @Test func `C13 C53: acks given just before the connection is closed go out before it`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.consume("q", tag: "c")
            let delivery = try #require(try channel.nextDelivery(timeout: .seconds(60)))
            try channel.ack(delivery)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            let deliver = BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "q")
            try peer.sendContent(deliver, [1], on: 1)
            #expect(try peer.expect(BasicAck.self, on: 1).deliveryTag == 1)
            try peer.finish()
        }
    }

    @Test func `C37: a delivery of the number's last life is dropped, also when it is next in the count`() throws {
        try Scripted.run { connection in
            let first = try connection.openChannel()
            #expect(Scripted.error { () throws(AMQPError) in try first.prefetch(1) }?.code == AMQPError.Code(.notFound))
            let second = try connection.openChannel()
            try second.consume("q", tag: "new")
            for body in 1...3 as ClosedRange<UInt8> {
                let delivery = try #require(try second.nextDelivery(timeout: .seconds(60)))
                #expect(delivery.body == [body])
                try second.ack(delivery)
            }
            try second.prefetch(1)
        } peer: { peer in
            func deliver(_ consumer: String, _ tag: UInt64, _ body: UInt8) throws {
                let method = BasicDeliver(consumerTag: consumer, deliveryTag: tag, exchange: "", routingKey: "q")
                try peer.sendContent(method, [body], on: 1)
            }
            try peer.handshake(channelMax: 1)
            try peer.openChannels(1)
            try peer.expect(BasicQos.self, on: 1)
            try peer.send(ChannelClose(replyCode: 404, replyText: "NOT_FOUND", classID: 0, methodID: 0), on: 1)
            try peer.expect(ChannelCloseOk.self, on: 1)
            try peer.expect(ChannelOpen.self, on: 1)
            try deliver("old", 1, 91)
            try peer.send(ChannelOpenOk(), on: 1)
            try deliver("old", 1, 92)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "new"), on: 1)
            try deliver("new", 1, 1)
            try deliver("old", 2, 93)
            try deliver("new", 2, 2)
            try deliver("old", 3, 94)
            try deliver("new", 3, 3)
            for tag in 1...3 as ClosedRange<UInt64> {
                #expect(try peer.expect(BasicAck.self, on: 1).deliveryTag == tag)
            }
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `C63: a reply that is late closes the channel and answers nobody`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            channel.requestTimeout = .milliseconds(100)
            let error = Scripted.error { () throws(AMQPError) in try channel.prefetch(1) }
            #expect(error?.code == .timeout)
            #expect(error?.method == .basicQos)
            #expect(Scripted.error { () throws(AMQPError) in try channel.prefetch(2) } == error)
            _ = try connection.openChannel()
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicQos.self, on: 1)
            try peer.expect(ChannelClose.self, on: 1)
            try peer.send(BasicQosOk(), on: 1)
            try peer.send(ChannelCloseOk(), on: 1)
            try peer.openChannels(2)
            try peer.finish()
        }
    }

    @Test func `C62: a reply that nobody waits for closes the connection with 503`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            let error = Scripted.error { () throws(AMQPError) in try channel.prefetch(1) }
            #expect(error?.code == .protocolViolation)
            #expect(error?.scope == .connection)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicQos.self, on: 1)
            try peer.send(QueueBindOk(), on: 1)
            #expect(try peer.expect(ConnectionClose.self, on: 0).replyCode == 503)
            try peer.expectEnd()
        }
    }

    @Test func `C32: the last channel of the connection is an error of the call`() throws {
        try Scripted.run { connection in
            let first = try connection.openChannel()
            let error = Scripted.error { () throws(AMQPError) in _ = try connection.openChannel() }
            #expect(error?.code == .channelsExhausted)
            try first.prefetch(1)
        } peer: { peer in
            try peer.handshake(channelMax: 1)
            try peer.openChannels(1)
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `C42: frames for a number not in use are dropped`() throws {
        try Scripted.run { connection in
            try connection.openChannel().prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.sendContent(Self.deliver(1), [1], on: 9)
            try peer.send(Self.refused, on: 9)
            try peer.send(BasicQosOk(), on: 60_000)
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `C56: basic.cancel of the broker is told and never answered`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            #expect(try channel.consume("q", tag: "c") == "c")
            channel.pump { $0.cancelledConsumers.isEmpty }
            #expect(channel.takeCancelledConsumers() == ["c"])
            try channel.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            try peer.send(BasicCancel(consumerTag: "c", noWait: true), on: 1)
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    @Test func `C53: a recovering consumer without a channel refuses what came on a channel that is open`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.consume("q", tag: "c")
            let delivery = try #require(try channel.nextDelivery(timeout: .seconds(60)))
            let group = MultiThreadedEventLoopGroup.singleton
            let consumer = RecoveringConsumer(
                on: RecoveringConnection(to: [connection.endpoint], on: group),
                queue: "q"
            )
            #expect(Scripted.error { () throws(AMQPError) in try consumer.ack(delivery) }?.code == .refusedLocally)
            #expect(consumer.droppedAckCount == 0 && channel.unsettledCount == 1)
            channel.close()
            #expect(Scripted.error { () throws(AMQPError) in try consumer.ack(delivery) } == nil)
            #expect(consumer.droppedAckCount == 1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.sendRaw(
                Octets.method(BasicConsumeOk(consumerTag: "c"), on: 1) + Octets.content(Self.deliver(1), [1], on: 1)
            )
            try peer.finish()
        }
    }

    @Test func `C53 C54: a second ack is refused here, and one for a dead channel is not sent`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            let neighbour = try connection.openChannel()
            try channel.consume("q", tag: "c")
            guard let first = try channel.nextDelivery(timeout: .seconds(60)),
                let second = try channel.nextDelivery(timeout: .seconds(60))
            else {
                Issue.record("no deliveries")
                return
            }
            #expect(first.body == [1])
            try channel.ack(first)
            #expect(Scripted.error { () throws(AMQPError) in try channel.ack(first) }?.code == .refusedLocally)
            #expect(Scripted.error { () throws(AMQPError) in try neighbour.ack(second) }?.code == .refusedLocally)
            _ = Scripted.error { () throws(AMQPError) in try channel.prefetch(1) }
            #expect(channel.endReason?.code == AMQPError.Code(404))
            #expect(Scripted.error { () throws(AMQPError) in try neighbour.ack(second) } == nil)
            #expect(neighbour.droppedAckCount == 1)
            #expect(Scripted.error { () throws(AMQPError) in try channel.ack(second) }?.code == AMQPError.Code(404))
            channel.sendAcks()
            try neighbour.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.sendRaw(
                Octets.method(BasicConsumeOk(consumerTag: "c"), on: 1)
                    + Octets.content(Self.deliver(1), [1], on: 1) + Octets.content(Self.deliver(2), [], on: 1)
            )
            #expect(try peer.expect(BasicAck.self, on: 1) == BasicAck(deliveryTag: 1, multiple: false))
            try peer.expect(BasicQos.self, on: 1)
            try peer.send(Self.refused, on: 1)
            try peer.expect(ChannelCloseOk.self, on: 1)
            try peer.expectPrefetch(on: 2)
            try peer.finish()
        }
    }
}
