import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// How many deliveries are out at once, and what comes again.
@Suite(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct PrefetchTests {
    /// RabbitMQ 4.3 takes the second for the first.
    @Test(.tags(.rabbitMQWords), .onRabbitMQ, arguments: [false, true])
    func `C57: a prefetch of 3 is 3 for each of two consumers, or 3 for their channel`(
        perChannel: Bool
    ) async throws {
        let isShared = try perChannel && Broker.profile().sharedPrefetch == .channel
        let out = isShared ? 3 : 6
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            let queue = try channel.temporaryQueue()
            try channel.fill(queue, 1...20)
            try channel.prefetch(3, perChannel: perChannel)
            try channel.consume(queue, tag: "a")
            try channel.consume(queue, tag: "b")
            let taken = try channel.deliveriesSoFar(of: queue)
            #expect(taken.count == out)
            #expect(channel.unsettledCount == out)
            // Each ack makes room for one.
            try channel.ack(taken[0])
            #expect(try channel.delivery().body == [UInt8(out + 1)])
            #expect(try channel.deliveriesSoFar(of: queue).isEmpty)
        }
    }

    @Test func `C57: one each on three channels is three in flight: the shape of a worker pool`() async throws {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let channels = try (0..<3).map { _ in try connection.openChannel() }
            let queue = try channels[0].temporaryQueue()
            for channel in channels {
                try channel.prefetch(1)
                try channel.consume(queue)
            }
            try channels[0].fill(queue, 1...10)
            let taken = try channels.map { try $0.delivery() }
            #expect(Set(taken.map { $0.body[0] }) == [1, 2, 3])
            // RabbitMQ 4 may count a moment late.
            let deadline = MonotonicClock.now() &+ 60_000_000_000
            while try channels[0].declareQueue(queue, passive: true).messageCount != 7 {
                try #require(MonotonicClock.now() < deadline, "there are 7 left")
            }
            for channel in channels { #expect(try channel.deliveriesSoFar(of: queue).isEmpty) }
            try channels[1].ack(taken[1])
            #expect(try channels[1].delivery().body == [4])
        }
    }

    @Test func `C58: what a closed channel had unsettled comes again in order and marked, the rest does not`()
        async throws
    {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let channel = try connection.openChannel()
            let queue = try channel.temporaryQueue()
            let worker = try connection.openChannel()
            try channel.fill(queue, 1...4)
            try worker.consume(queue)
            let taken = try (0..<4).map { _ in try worker.delivery() }
            #expect(taken.allSatisfy { !$0.redelivered })
            try worker.ack(taken[1])
            worker.close()
            try channel.fill(queue, 5...6)
            // A delivery of the closed channel is dropped quietly: it can not be acked on another.
            try channel.ack(taken[0])
            try channel.consume(queue)
            let again = try (0..<5).map { _ in try channel.delivery() }
            #expect(again.map { $0.body[0] } == [1, 3, 4, 5, 6])
            #expect(again.map(\.redelivered) == [true, true, true, false, false])
        }
    }

    @Test func `C58: what was sent without acks to a channel that closes is lost`() async throws {
        try await Rig.run { rig in
            let connection = try rig.connect()
            let channel = try connection.openChannel()
            let queue = try channel.temporaryQueue()
            let worker = try connection.openChannel()
            try worker.consume(queue, noAck: true)
            try channel.fill(queue, 1...5)
            #expect(try worker.delivery().body == [1])
            worker.close()
            #expect(try channel.declareQueue(queue, passive: true).messageCount == 0)
        }
    }

    @Test func `C59: get gives one message or none`() async throws {
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            let queue = try channel.temporaryQueue()
            #expect(try channel.get(queue) == nil)
            try channel.fill(queue, 1...2)
            let first = try #require(try channel.get(queue))
            #expect(first.body == [1])
            #expect(try first.envelope.consumerTag == "")
            let second = try #require(try channel.get(queue, noAck: true))
            #expect(second.deliveryTag == first.deliveryTag + 1)
            #expect(try channel.get(queue) == nil)
            #expect(channel.unsettledCount == 1)
            try channel.nack(first, requeue: true)
            let again = try #require(try channel.get(queue))
            #expect(again.redelivered)
            try channel.ack(again)
        }
    }

    @Test func `C59: recover gives everything unsettled out again, with new tags`() async throws {
        try await Rig.run { rig in
            let channel = try rig.connect().openChannel()
            let queue = try channel.temporaryQueue()
            try channel.consume(queue)
            try channel.fill(queue, 1...3)
            let before = try (0..<3).map { _ in try channel.delivery() }
            try channel.ack(before[1])
            try channel.recover()
            let after = try (0..<2).map { _ in try channel.delivery() }
            #expect(after.map { $0.body[0] } == [1, 3])
            #expect(after.map(\.deliveryTag) == [4, 5])
            #expect(after.allSatisfy { $0.redelivered })
            #expect(try failureOf { try channel.ack(before[0]) }.code == .refusedLocally)
            for delivery in after { try channel.ack(delivery) }
            #expect(channel.unsettledCount == 0)
            #expect(try channel.declareQueue(queue, passive: true).messageCount == 0)
            try channel.proveAlive()
        }
    }
}
