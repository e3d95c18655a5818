import AMQPClient
import AMQPWire
import NIOPosix
import TestSupport
import Testing

/// A sequence of deliveries, as its broker sees it.
@Suite struct ScriptedDeliveriesTests {
    private func run(
        peers script: @escaping @Sendable (_ number: Int, ScriptedPeer) throws -> Void,
        client body: @Sendable (RecoveringConnection) throws -> Void
    ) async throws {
        try await OwnThread.run {
            try PeerListener.runEach(script) { endpoint in
                let connection = RecoveringConnection(
                    to: [endpoint],
                    options: Scripted.options,
                    settings: RecoverySettings(initialInterval: .milliseconds(1), maxInterval: .milliseconds(5)),
                    on: MultiThreadedEventLoopGroup.singleton,
                    logger: Broker.quiet
                )
                defer { connection.stop() }
                try connection.startInBackground()
                try body(connection)
            }
        }
    }

    private static func consume(_ peer: ScriptedPeer, prefetch: UInt16, on channel: UInt16 = 2) throws -> String {
        try peer.openChannels(channel)
        #expect(try peer.expect(BasicQos.self, on: channel).prefetchCount == prefetch)
        try peer.send(BasicQosOk(), on: channel)
        let tag = try peer.expect(BasicConsume.self, on: channel).consumerTag
        let own = tag.isEmpty ? "ctag" : tag
        try peer.send(BasicConsumeOk(consumerTag: own), on: channel)
        return own
    }

    private static func deliver(
        _ peer: ScriptedPeer,
        _ consumer: String,
        _ tag: UInt64,
        redelivered: Bool = false
    ) throws {
        let deliver = BasicDeliver(
            consumerTag: consumer,
            deliveryTag: tag,
            redelivered: redelivered,
            exchange: "",
            routingKey: "q"
        )
        try peer.sendContent(deliver, [UInt8(tag)], on: 2)
    }

    @Test func `tasks take, others settle, each once; the end gives back what nobody took`() async throws {
        try await self.run { _, peer in
            try peer.handshakeOfRecovering()
            let consumer = try Self.consume(peer, prefetch: 5)
            for tag in 1...4 as ClosedRange<UInt64> { try Self.deliver(peer, consumer, tag) }
            var settled: Set<String> = []
            while settled.count < 2 {
                let frame = try peer.next()
                if frame.methodID == .basicAck { settled.insert("ack \(try frame.method(BasicAck.self).deliveryTag)") }
                if frame.methodID == .basicReject {
                    settled.insert("reject \(try frame.method(BasicReject.self).deliveryTag)")
                }
            }
            #expect(settled == ["ack 1", "reject 2"])
            var rest: Set<String> = []
            while true {
                let frame = try peer.next()
                if frame.methodID == .basicNack {
                    let nack = try frame.method(BasicNack.self)
                    #expect(nack.requeue)
                    rest.insert("nack \(nack.deliveryTag)")
                } else if frame.methodID == .basicCancel {
                    try peer.send(BasicCancelOk(consumerTag: consumer), on: 2)
                } else if frame.methodID == .channelClose {
                    break
                }
            }
            #expect(rest == ["nack 3", "nack 4"])
            try peer.send(ChannelCloseOk(), on: 2)
            try peer.passToEnd()
        } client: { connection in
            let loop = StartedTask {
                try await connection.withDeliveries(from: "q", options: ConsumerOptions(prefetch: 5)) { deliveries in
                    var taken: [[UInt8]] = []
                    for try await delivery in deliveries {
                        taken.append(delivery.body)
                        let settling = StartedTask {
                            if delivery.body == [1] { try delivery.ack() } else { try delivery.reject() }
                        }
                        try settling.result()
                        #expect(throws: AMQPError.self) { try delivery.ack() }
                        if taken.count == 2 { break }
                    }
                    return taken
                }
            }
            let taken = try loop.result()
            #expect(taken == [[1], [2]])
        }
    }

    @Test func `a cancelled task ends its loop and its consumer; what is in hand it may settle`() async throws {
        let (isWaiting, isCancelled) = (Latch(), Latch())
        try await self.run { _, peer in
            try peer.handshakeOfRecovering()
            let consumer = try Self.consume(peer, prefetch: 5)
            try Self.deliver(peer, consumer, 1)
            try peer.expect(BasicCancel.self, on: 2)
            try peer.send(BasicCancelOk(consumerTag: consumer), on: 2)
            isCancelled.open()
            #expect(try peer.expect(BasicAck.self, on: 2).deliveryTag == 1)
            try peer.passToEnd()
        } client: { connection in
            let loop = StartedTask {
                try await connection.withDeliveries(from: "q", options: ConsumerOptions(prefetch: 5)) { deliveries in
                    var inHand: AsyncDelivery?
                    for try await delivery in deliveries {
                        inHand = delivery
                        isWaiting.open()
                    }
                    let last = inHand
                    return try await OwnThread.run {
                        #expect(isCancelled.wait())
                        try last?.ack()
                        return last?.body
                    }
                }
            }
            #expect(isWaiting.wait())
            loop.cancel()
            let last = try loop.result()
            #expect(last == [1])
        }
    }

    @Test func `after a lost connection it goes on, and an ack from before is dropped`() async throws {
        let hasSecond = Latch()
        try await self.run { number, peer in
            try peer.handshakeOfRecovering()
            let consumer = try Self.consume(peer, prefetch: 5)
            try Self.deliver(peer, consumer, 1, redelivered: number > 1)
            if number == 1 { return }  // and the socket is closed
            #expect(hasSecond.wait())
            #expect(try peer.expect(BasicAck.self, on: 2).deliveryTag == 1)
            try peer.passToEnd()
        } client: { connection in
            let loop = StartedTask {
                try await connection.withDeliveries(from: "q", options: ConsumerOptions(prefetch: 5)) { deliveries in
                    var before: [AsyncDelivery] = []
                    for try await delivery in deliveries {
                        guard delivery.redelivered else {
                            before.append(delivery)
                            continue
                        }
                        // Of a channel that has ended, or never taken at all.
                        for old in before { try old.ack() }
                        try delivery.ack()
                        hasSecond.open()
                        break
                    }
                }
            }
            try loop.result()
        }
    }

    @Test func `a connection that gives up ends the loop, and wrong options begin none`() async throws {
        try await self.run { _, peer in
            try peer.refuseOpen(.notAllowed, "no such virtual host")
        } client: { connection in
            let loop = StartedTask {
                try await connection.withDeliveries(from: "q") { deliveries in
                    for try await _ in deliveries {}
                }
            }
            let refusal = try loop.failure() as? AMQPError
            #expect(refusal?.code == AMQPError.Code(.notAllowed))
            let wrong = StartedTask {
                try await connection.withDeliveries(from: "q", options: ConsumerOptions(noAck: true)) { _ in }
            }
            let refused = try wrong.failure() as? AMQPError
            #expect(refused?.code == .invalidSettings)
        }
    }
}
