import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// What a channel keeps, and what it lets go.
@Suite struct ScriptedMemoryTests {
    private struct Weak {
        weak var object: AnyObject?
    }

    /// Larger than a frame, so each has memory of its own.
    private static let body = [UInt8](repeating: 1, count: 20_000)

    private static func deliver(_ tag: UInt64, _ peer: ScriptedPeer) throws {
        let method = BasicDeliver(consumerTag: "c", deliveryTag: tag, exchange: "", routingKey: "q")
        try peer.sendContent(method, Self.body, on: 1)
    }

    @Test func `a delivery that was taken is let go, though others always wait behind it`() throws {
        let rounds = 20
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.consume("q", tag: "c")
            var taken: [Weak] = []
            for _ in 0..<rounds {
                guard let delivery = try channel.nextDelivery(timeout: .seconds(60)) else { break }
                taken.append(Weak(object: delivery.block.owner))
                try channel.ack(delivery)
                try channel.prefetch(3)  // takes in what came before its answer
            }
            #expect(taken.count == rounds)
            #expect(taken.filter { $0.object != nil }.count <= 2)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            for tag: UInt64 in 1...3 { try Self.deliver(tag, peer) }
            for round in 1...UInt64(rounds) {
                try peer.expect(BasicAck.self, on: 1)
                try peer.expect(BasicQos.self, on: 1)
                try Self.deliver(round + 3, peer)
                try peer.send(BasicQosOk(), on: 1)
            }
            try peer.finish()
        }
    }

    @Test func `a request is answered though more waits before its answer than an owner may leave unread`() throws {
        let messages: UInt64 = 5000  // 100 MB
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.consume("q", tag: "c", noAck: true)
            try channel.prefetch(1)
            for tag in 1...messages {
                let delivery = try #require(try channel.nextDelivery(timeout: .seconds(60)))
                guard delivery.deliveryTag == tag else { throw PeerFailure("\(delivery.deliveryTag) for \(tag)") }
            }
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            try peer.expect(BasicQos.self, on: 1)
            for tag in 1...messages { try Self.deliver(tag, peer) }
            try peer.send(BasicQosOk(), on: 1)
            try peer.finish()
        }
    }

    @Test func `C33: a channel that is let go is closed, its acks first, and its number comes free`() throws {
        try Scripted.run { connection in
            do {
                let channel = try connection.openChannel()
                try channel.consume("q", tag: "c")
                let delivery = try #require(try channel.nextDelivery(timeout: .seconds(60)))
                try channel.ack(delivery)
            }
            let neighbour = try connection.openChannel()
            #expect(try connection.openChannel().number == 1)
            try neighbour.prefetch(1)
        } peer: { peer in
            try peer.handshake(channelMax: 2)
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            try Self.deliver(1, peer)
            try peer.expect(BasicAck.self, on: 1)
            try peer.expect(ChannelClose.self, on: 1)
            try peer.send(ChannelCloseOk(), on: 1)
            try peer.openChannels(2, 1)
            while true {  // the second life of 1 is let go as well
                let frame = try peer.next()
                guard frame.methodID == .channelClose else {
                    #expect(frame.methodID == .basicQos && frame.channel == 2)
                    break
                }
                try peer.send(ChannelCloseOk(), on: frame.channel)
            }
            try peer.send(BasicQosOk(), on: 2)
            try peer.finish()
        }
    }

    @Test func `C44: a connection that is let go is closed, once no channel of it is held either`() throws {
        try PeerListener.run { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        } client: { endpoint in
            try Scripted.connect(endpoint).openChannel().prefetch(1)
        }
    }
}
