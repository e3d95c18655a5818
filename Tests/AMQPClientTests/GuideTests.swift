import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// The guide's code does what the guide says.
@Suite struct GuideTests {
    @Test func `C46 C53: connect, publish with a confirm, consume, refuse a bad order`() throws {
        let isRefused = Monitor(false)
        try PeerListener.run { peer in
            try peer.handshake()
            try peer.openChannels(1)
            #expect(try peer.expect(QueueDeclare.self, on: 1).queue == "orders")
            try peer.send(QueueDeclareOk(queue: "orders", messageCount: 0, consumerCount: 0), on: 1)
            try Self.expectClose(of: 1, peer)
            try peer.openChannels(2)
            try peer.expect(ConfirmSelect.self, on: 2)
            try peer.send(ConfirmSelectOk(), on: 2)
            #expect(try peer.expectPublish(on: 2).body == [7])
            try peer.send(BasicAck(deliveryTag: 1), on: 2)
            try Self.expectClose(of: 2, peer)
            try peer.openChannels(3)
            try peer.expectPrefetch(on: 3)
            let tag = try peer.expect(BasicConsume.self, on: 3).consumerTag
            try peer.send(BasicConsumeOk(consumerTag: tag), on: 3)
            let deliver = BasicDeliver(consumerTag: tag, deliveryTag: 1, exchange: "", routingKey: "orders")
            try peer.sendContent(deliver, [1], on: 3)
            #expect(try !peer.expect(BasicReject.self, on: 3).requeue)
            isRefused.withLock { $0 = true }
            isRefused.broadcast()
            try peer.finish()
        } client: { endpoint in
            let connection = try connectForOrders(to: ["amqp://127.0.0.1:\(endpoint.port)?heartbeat=0"])
            defer { connection.stop() }
            try publishInvoice([7], on: connection)
            let consuming = try WorkerThread.start(name: "orders") {
                try? consumeOrders(on: connection) { delivery in
                    #expect(delivery.body == [1])
                    throw BadOrder()
                }
            }
            _ = isRefused.wait(until: Scripted.deadline()) { $0 ? true : nil }
            connection.stop()
            consuming.join()
        }
    }

    private static func expectClose(of channel: UInt16, _ peer: ScriptedPeer) throws {
        try peer.expect(ChannelClose.self, on: channel)
        try peer.send(ChannelCloseOk(), on: channel)
    }
}
