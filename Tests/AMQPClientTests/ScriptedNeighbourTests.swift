import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// A channel whose owner is busy is no matter of the other channels of its connection.
@Suite struct ScriptedNeighbourTests {
    private static let count: UInt64 = 2000

    private static func deliver(_ tag: UInt64, on channel: UInt16, _ peer: ScriptedPeer) throws {
        let method = BasicDeliver(consumerTag: "c\(channel)", deliveryTag: tag, exchange: "", routingKey: "q")
        try peer.sendContent(method, [UInt8(channel)], on: channel)
    }

    private static func consume(_ connection: Connection, _ number: Int) throws -> Channel {
        let channel = try connection.openChannel()
        try channel.consume("q", tag: "c\(number)")
        return channel
    }

    @Test func `a handler that takes its time, after thousands that did not, holds up no neighbour`() throws {
        let (isFirstThere, isInHand, isNeighbourServed) = (Latch(), Latch(), Latch())
        try Scripted.run { connection in
            let channel = try Self.consume(connection, 1)
            let neighbour = try WorkerThread.start(name: "neighbour") {
                do {
                    #expect(isFirstThere.wait())
                    let channel = try Self.consume(connection, 2)
                    let delivery = try #require(try channel.nextDelivery(timeout: .seconds(60)))
                    isNeighbourServed.open()
                    try channel.ack(delivery)
                    channel.close()
                } catch {
                    Issue.record(error)
                }
            }
            // It reads for both, and is back in the seat each time before anybody else could be told of it.
            for _ in 1..<Self.count { try channel.ack(#require(try channel.nextDelivery(timeout: .seconds(60)))) }
            let last = try #require(try channel.nextDelivery(timeout: .seconds(60)))
            isInHand.open()
            #expect(isNeighbourServed.wait())
            neighbour.join()
            try channel.ack(last)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c1"), on: 1)
            isFirstThere.open()
            try peer.openChannels(2)
            try peer.expect(BasicConsume.self, on: 2)
            try peer.send(BasicConsumeOk(consumerTag: "c2"), on: 2)
            for tag in 1..<Self.count {
                try Self.deliver(tag, on: 1, peer)
                try peer.expect(BasicAck.self, on: 1)
            }
            try Self.deliver(Self.count, on: 1, peer)
            #expect(isInHand.wait())
            try Self.deliver(1, on: 2, peer)
            try peer.expect(BasicAck.self, on: 2)
            try peer.expect(ChannelClose.self, on: 2)
            try peer.send(ChannelCloseOk(), on: 2)
            try peer.expect(BasicAck.self, on: 1)
            try peer.finish()
        }
    }

    @Test func `who has little to do itself does not read for the others, and gets what comes for it`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel(mailbox: Mailbox(), reads: false)
            #expect(!channel.mayRead)
            try channel.consume("q", tag: "c1")
            try channel.ack(#require(try channel.nextDelivery(timeout: .seconds(60))))
            channel.sendAcks()
            let neighbour = try connection.openChannel()
            #expect(neighbour.mayRead)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c1"), on: 1)
            try Self.deliver(1, on: 1, peer)
            try peer.expect(BasicAck.self, on: 1)
            try peer.openChannels(2)
            try peer.finish()
        }
    }
}
