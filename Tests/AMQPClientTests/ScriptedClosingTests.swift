import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// Between our connection.close and its answer.
@Suite struct ScriptedClosingTests {
    @Test func `C33 C44: behind connection.close a channel sends nothing, gets nothing, and its owner knows`() throws {
        let hasTried = Monitor(false)
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            let consumer = try connection.openChannel()
            try consumer.consume("q", tag: "c")
            let first = try #require(try consumer.nextDelivery(timeout: .seconds(60)))
            connection.startClose(timeout: .seconds(60))
            let reason = AMQPError.Scope.connection
            #expect(
                Scripted.error { () throws(AMQPError) in try channel.publish([1], routingKey: "q") }?.scope == reason
            )
            #expect(Scripted.error { () throws(AMQPError) in try channel.prefetch(1) }?.scope == reason)
            #expect(Scripted.error { () throws(AMQPError) in _ = try connection.openChannel() }?.scope == reason)
            try? consumer.ack(first)
            #expect(consumer.droppedAckCount == 1)
            // The answer to the close is not here yet, but its owner has been told: it does not wait for more.
            let error = Scripted.error { () throws(AMQPError) in _ = try consumer.nextDelivery(timeout: .seconds(60)) }
            #expect(error?.scope == reason)
            hasTried.withLock { $0 = true }
            hasTried.broadcast()
            connection.close()
            #expect(Scripted.error { () throws(AMQPError) in _ = try consumer.nextDelivery(timeout: .zero) } == error)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            try peer.expect(BasicConsume.self, on: 2)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 2)
            for tag: UInt64 in 1...2 { try Self.deliver(tag, peer) }
            try peer.expect(ConnectionClose.self, on: 0)
            for tag: UInt64 in 3...5 { try Self.deliver(tag, peer) }
            _ = hasTried.wait(until: Scripted.deadline()) { $0 ? true : nil }
            try peer.send(ConnectionCloseOk(), on: 0)
            try peer.expectEnd()
        }
    }

    private static func deliver(_ tag: UInt64, _ peer: ScriptedPeer) throws {
        let method = BasicDeliver(consumerTag: "c", deliveryTag: tag, exchange: "", routingKey: "q")
        try peer.sendContent(method, [1, 2, 3], on: 2)
    }

    @Test func `C56 C61: when the broker has ended the last consumer, who waits for its deliveries is told`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.consume("q", tag: "c")
            #expect(try channel.nextDelivery() != nil)
            for _ in 1...2 {
                let error = Scripted.error { () throws(AMQPError) in _ = try channel.nextDelivery() }
                #expect(error?.code == .consumerCancelled && error?.scope == .call)
            }
            try channel.consume("q", tag: "d")  // the channel lives
            #expect(channel.takeCancelledConsumers() == ["c"])
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            let method = BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "q")
            try peer.sendContent(method, [], on: 1)
            try peer.send(BasicCancel(consumerTag: "c", noWait: true), on: 1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "d"), on: 1)
            try peer.finish()
        }
    }

    @Test func `C65: a peer that asks for pauses without end and reads no answer is refused`() throws {
        let error = try PeerListener.run { peer in
            try peer.handshake()
            try peer.openChannels(1)
            let flows = Array(
                repeatElement(try Octets.method(ChannelFlow(active: true), on: 1), count: 10_000).joined()
            )
            for _ in 0..<1000 {
                do { try peer.sendRaw(flows) } catch { return }
            }
            throw PeerFailure("ten million answers are kept for a peer that reads none")
        } client: { endpoint in
            let connection = try Scripted.connect(endpoint)
            defer { connection.close(timeout: .zero) }
            let channel = try connection.openChannel()
            return Scripted.error { () throws(AMQPError) in _ = try channel.nextDelivery(timeout: .seconds(60)) }
        }
        #expect(error?.code == .protocolViolation)
    }

    @Test func `C49: a return that can not be read ends its channel: its publish shall not count as confirmed`() throws
    {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.selectConfirms()
            try channel.publish([1], routingKey: "nowhere", mandatory: true)
            let error = Scripted.error { () throws(AMQPError) in
                _ = try channel.awaitConfirms(timeout: .seconds(60))
                try channel.prefetch(1)
            }
            #expect(error != nil)
            #expect(channel.endReason?.code == .protocolViolation)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(ConfirmSelect.self, on: 1)
            try peer.send(ConfirmSelectOk(), on: 1)
            _ = try peer.expectPublish(on: 1)
            // Its exchange is said to have 200 octets; there are none.
            var octets = try Octets.content(
                BasicReturn(replyCode: 312, replyText: "", exchange: "", routingKey: ""),
                [],
                on: 1
            )
            octets[7 + 4 + 2 + 1] = 200
            try peer.sendRaw(octets)
            try peer.send(BasicAck(deliveryTag: 1), on: 1)
            try peer.expect(ChannelClose.self, on: 1)
            try peer.send(ChannelCloseOk(), on: 1)
            try peer.finish()
        }
    }
}
