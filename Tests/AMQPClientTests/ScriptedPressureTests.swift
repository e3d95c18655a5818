import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// A peer that reads slowly: the socket is full, in the middle of a content.
@Suite struct ScriptedPressureTests {
    private static let body = [UInt8](repeating: 7, count: 8 << 20)  // more than the buffers of a socket pair

    @Test func `C25 C35: a close that comes inside a publish is answered behind its last octet`() throws {
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            let neighbour = try connection.openChannel()
            try channel.publish(Self.body, routingKey: "q")
            let error = Scripted.error { () throws(AMQPError) in _ = try channel.nextDelivery(timeout: .seconds(60)) }
            #expect(error?.code == AMQPError.Code(404))
            #expect(Scripted.error { () throws(AMQPError) in try channel.publish([1], routingKey: "q") } == error)
            try neighbour.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            try peer.expect(BasicPublish.self, on: 1)
            _ = try peer.next()  // its header; the bodies are still on their way
            let text = "NOT_FOUND - no exchange 'x' in vhost '/'"
            try peer.send(ChannelClose(replyCode: 404, replyText: text, classID: 60, methodID: 40), on: 1)
            var left = Self.body.count
            while left > 0 {
                let frame = try peer.next()
                guard frame.type == Frame.body, frame.channel == 1 else {
                    throw PeerFailure("in the middle of a content: \(frame)")
                }
                left -= frame.payload.count
            }
            try peer.expect(ChannelCloseOk.self, on: 1)
            try peer.expectPrefetch(on: 2)
            try peer.finish()
        }
    }

    @Test
    func `C25 C51: contents of many threads stay whole and in order while the socket is full`() throws {
        let threads = 4
        let messages = 40
        var options = Scripted.options
        options.outboxHighWater = 1 << 20
        try Scripted.run(options) { connection in
            let outcomes = Monitor<[String]>([])
            let workers = try (0..<threads).map { index in
                try WorkerThread.start(name: "publisher-\(index)") {
                    do {
                        let channel = try connection.openChannel()
                        for message in 0..<messages {
                            let size = 1000 + (message * 7919) % 100_000
                            try channel.publish(
                                [UInt8](repeating: UInt8(message), count: size),
                                routingKey: "\(message)"
                            )
                        }
                        try channel.prefetch(1)  // everything before it has been read
                    } catch {
                        outcomes.withLock { $0.append("\(error)") }
                    }
                }
            }
            for worker in workers { worker.join() }
            #expect(outcomes.withLock { $0 } == [])
        } peer: { peer in
            try peer.handshake()
            try Self.collect(peer, threads, messages)
            try peer.finish()
        }
    }

    @Test func `what an owner does not take stays in the socket; it comes when the owner goes on`() throws {
        let body = [UInt8](repeating: 3, count: 1 << 20)
        let messages: UInt64 = 120  // more than may wait in a mailbox and in the buffers of a socket pair
        let sentBeforeFull = Monitor<Int?>(nil)
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            try channel.consume("q", tag: "c", noAck: true)
            let sent: Int? = sentBeforeFull.wait(until: Scripted.deadline()) { $0 }
            // It was read up to what may wait for an owner, and not much further.
            let bytes = try #require(sent, "the peer never found the socket full")
            #expect(bytes > 60 << 20 && bytes < Int(messages) * body.count)
            for tag in 1...messages {
                let delivery = try #require(try channel.nextDelivery(timeout: .seconds(60)))
                #expect(delivery.deliveryTag == tag && delivery.body == body)
            }
            try channel.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            var octets: [UInt8] = []
            for tag in 1...messages {
                let deliver = BasicDeliver(consumerTag: "c", deliveryTag: tag, exchange: "", routingKey: "q")
                octets += try Octets.content(deliver, body, on: 1)
            }
            let sent = try peer.sendUntilFull(octets, for: .seconds(1))
            guard sent < octets.count else { throw PeerFailure("everything was read, and nobody took it") }
            sentBeforeFull.withLock { $0 = sent }
            sentBeforeFull.broadcast()
            try peer.sendRaw(Array(octets[sent...]))
            try peer.expectPrefetch(on: 1)
            try peer.finish()
        }
    }

    private struct Content {
        var next = 0
        var left = -1
    }

    /// Reads everything frame by frame; contents of one channel must not mix, those of several may.
    private static func collect(_ peer: ScriptedPeer, _ threads: Int, _ messages: Int) throws {
        var contents: [UInt16: Content] = [:]
        var done = 0
        while done < threads {
            let frame = try peer.next()
            var content = contents[frame.channel] ?? Content()
            switch (frame.type, frame.methodID) {
            case (Frame.method, .channelOpen): try peer.send(ChannelOpenOk(), on: frame.channel)
            case (Frame.method, .basicPublish):
                guard content.left == -1 else { throw PeerFailure("a publish inside a content") }
                content.left = 0
            case (Frame.header, _):
                content.left = frame.payload[4..<12].reduce(0) { $0 << 8 | Int($1) }
                guard content.left == 1000 + (content.next * 7919) % 100_000 else {
                    throw PeerFailure("channel \(frame.channel): \(content.left) octets as message \(content.next)")
                }
            case (Frame.body, _):
                guard frame.payload.allSatisfy({ $0 == UInt8(content.next) }) else { throw PeerFailure("mixed bodies") }
                content.left -= frame.payload.count
                if content.left == 0 { content = Content(next: content.next + 1) }
            case (Frame.method, .basicQos):
                guard content.next == messages else { throw PeerFailure("\(content.next) messages before the end") }
                try peer.send(BasicQosOk(), on: frame.channel)
                done += 1
            case (Frame.method, .channelClose): try peer.send(ChannelCloseOk(), on: frame.channel)  // it was let go
            default: throw PeerFailure("an unexpected frame: \(frame)")
            }
            contents[frame.channel] = content
        }
    }

    @Test func `C51: over the high-water mark publishers wait, acks and requests do not`() throws {
        var options = Scripted.options
        options.outboxHighWater = 1 << 20
        let isFull = Monitor(false)
        let hasAcked = Monitor(false)
        try Scripted.run(options) { connection in
            let publisher = try connection.openChannel()
            let consumer = try connection.openChannel()
            try consumer.consume("q", tag: "c")
            let delivery = try consumer.nextDelivery(timeout: .seconds(60))
            try publisher.publish(Self.body, routingKey: "q")
            #expect(!publisher.canPublishAtOnce)
            let message = OutgoingMessage([1], routingKey: "q")
            let error = Scripted.error { () throws(AMQPError) in
                try publisher.publish(message, timeout: .milliseconds(50))
            }
            #expect(error?.code == .timeout)
            if let delivery { try consumer.ack(delivery) }
            consumer.sendAcks()
            #expect(consumer.unsettledCount == 0)
            isFull.withLock { $0 = true }
            isFull.broadcast()
            try publisher.publish(message)  // waits until the peer has read
            try consumer.prefetch(1)
            #expect(hasAcked.withLock { $0 })
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            try peer.expect(BasicConsume.self, on: 2)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 2)
            try peer.sendContent(
                BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "q"),
                [1],
                on: 2
            )
            _ = isFull.wait(until: Scripted.deadline()) { $0 ? true : nil }
            #expect(try peer.expectPublish(on: 1).body.count == Self.body.count)
            try peer.expect(BasicAck.self, on: 2)
            hasAcked.withLock { $0 = true }
            #expect(try peer.expectPublish(on: 1).body == [1])
            try peer.expectPrefetch(on: 2)
            try peer.finish()
        }
    }

    @Test func `C14 C17: the clock of a dead peer runs while the socket is full`() throws {
        var options = Scripted.options
        options.heartbeatSeconds = 1
        let isOver = Monitor(false)
        let error = try PeerListener.run { peer in
            try peer.handshake(heartbeat: 1)
            try peer.openChannels(1)
            try peer.expect(BasicPublish.self, on: 1)
            // It reads nothing more and says nothing more.
            _ = isOver.wait(until: MonotonicClock.deadline(in: .seconds(60))) { $0 ? true : nil }
        } client: { [options] endpoint in
            let connection = try Scripted.connect(endpoint, options)
            let channel = try connection.openChannel()
            try channel.publish(Self.body, routingKey: "q")
            let error = Scripted.error { () throws(AMQPError) in _ = try channel.nextDelivery(timeout: .seconds(60)) }
            isOver.withLock { $0 = true }
            isOver.broadcast()
            return error
        }
        #expect(error?.code == .heartbeatMissed)
        #expect(error?.scope == .connection)
    }

    @Test func `a channel whose own answer stands behind a flood ends: nobody could make room`() throws {
        let messages: UInt64 = 300  // MiB
        try Scripted.run { connection in
            let channel = try connection.openChannel()
            let neighbour = try connection.openChannel()
            try channel.consume("q", tag: "c", noAck: true)
            let error = Scripted.error { () throws(AMQPError) in try channel.prefetch(1) }
            #expect(error?.code == .protocolViolation && error?.scope == .channel(1))
            #expect(error?.text.contains(" MiB") == true)
            try neighbour.prefetch(1)
        } peer: { peer in
            try peer.handshake()
            try peer.openChannels(1, 2)
            try peer.expect(BasicConsume.self, on: 1)
            try peer.send(BasicConsumeOk(consumerTag: "c"), on: 1)
            try peer.expect(BasicQos.self, on: 1)
            let body = [UInt8](repeating: 1, count: 1 << 20)
            for tag in 1...messages {
                let method = BasicDeliver(consumerTag: "c", deliveryTag: tag, exchange: "", routingKey: "q")
                try peer.sendRaw(Octets.content(method, body, on: 1, frameMax: 4096))
            }
            try peer.expect(ChannelClose.self, on: 1)
            try peer.send(ChannelCloseOk(), on: 1)
            try peer.expectPrefetch(on: 2)
            try peer.finish()
        }
    }
}
