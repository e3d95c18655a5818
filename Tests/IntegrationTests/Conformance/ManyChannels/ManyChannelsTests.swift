import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// As many channels as RabbitMQ allows on one connection, all of them busy, while some of them fail.
@Suite(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(5)))
struct ManyChannelsTests {
    static let channelCount = 2047
    static let queueCount = 64
    static let messageCount = 40_000
    static let workerCount = 4

    @Test func `C31 C32 C37 C40 C42 C53 C58: on 2,047 channels, errors on some cost the others no message`()
        async throws
    {
        try await Rig.run { rig in
            let connection = try rig.connect { $0.channelMax = Self.channelCount }
            let publishing = try rig.connect { $0.name = "millrace tests, publisher" }
            let publisher = try publishing.openChannel()
            let queues = try (0..<Self.queueCount).map { _ in
                try publisher.declareQueue(
                    Broker.unique("many"),
                    durable: false,
                    arguments: ["x-expires": .int64(300_000)]
                ).name
            }
            let plan = ChannelHerd.Plan(
                connection: connection,
                queues: queues,
                locked: try publisher.temporaryQueue(),
                expected: Self.messageCount
            )
            let herds = try Self.startHerds(plan)
            defer {
                plan.progress.stop()
                for herd in herds { herd.thread.join() }
                for queue in queues { _ = try? publisher.deleteQueue(queue) }
            }
            try #require(plan.progress.awaitReady(Self.workerCount), "\(plan.progress.failures)")
            let oneMore = try failureOf { _ = try connection.openChannel() }
            #expect(oneMore.code == .channelsExhausted)
            #expect(oneMore.scope == .call)
            #expect(oneMore.method == .channelOpen)
            #expect(try Self.consumers(publisher, queues) == Self.channelCount)

            try Self.publish(on: publisher, queues)
            #expect(plan.progress.awaitSettled(Self.messageCount), "\(plan.progress.failures)")
            #expect(plan.progress.failures == [])
            // Still there, every one of them, and nothing is left.
            #expect(try Self.consumers(publisher, queues) == Self.channelCount)
            for queue in queues { #expect(try publisher.declareQueue(queue, passive: true).messageCount == 0) }
            plan.progress.stop()
            for herd in herds { herd.outcome.await() }
            Self.check(herds.compactMap { $0.outcome.record })
            #expect(connection.isBlocked == false)
        }
    }

    private struct Herd {
        let thread: WorkerThread
        let outcome: ChannelHerd.Outcome
    }

    private static func startHerds(_ plan: ChannelHerd.Plan) throws -> [Herd] {
        try (0..<Self.workerCount).map { index in
            let share = (index..<Self.channelCount).filter { $0 % Self.workerCount == index }
            let outcome = ChannelHerd.Outcome()
            let thread = try WorkerThread.start(name: "herd-\(index)") {
                outcome.set(ChannelHerd.live(plan, channels: share))
            }
            return Herd(thread: thread, outcome: outcome)
        }
    }

    private static func consumers(_ channel: Channel, _ queues: [String]) throws -> Int {
        try queues.reduce(0) { try $0 + channel.declareQueue($1, passive: true).consumerCount }
    }

    /// As fast as the broker confirms.
    private static func publish(on channel: Channel, _ queues: [String]) throws {
        try channel.selectConfirms()
        for message in 0..<Self.messageCount {
            let body = withUnsafeBytes(of: UInt32(message).bigEndian) { Array($0) }
            try channel.publish(body, routingKey: queues[message % queues.count], mandatory: true)
            if channel.unconfirmedCount >= 2000 { _ = channel.pump(until: MonotonicClock.deadline(in: .seconds(60))) }
        }
        #expect(try channel.awaitConfirms(timeout: .seconds(60)) == [])
    }

    /// Every message was settled once; only what was unsettled on a channel that failed came more than once, and was
    /// marked.
    private static func check(_ records: [ChannelHerd.Record]) {
        #expect(records.count == Self.workerCount)
        var receipts = [Int](repeating: 0, count: Self.messageCount)
        var settled = receipts
        var abandoned = receipts
        var marked = receipts
        for record in records {
            for message in record.settled { settled[message] += 1 }
            for message in record.abandoned { abandoned[message] += 1 }
            for (message, redelivered) in record.received {
                receipts[message] += 1
                if redelivered { marked[message] += 1 }
            }
        }
        #expect(settled.allSatisfy { $0 == 1 })
        for message in 0..<Self.messageCount {
            #expect(receipts[message] == 1 + abandoned[message], "message \(message)")
            #expect(marked[message] >= abandoned[message], "message \(message)")
        }
        for code: UInt16 in [403, 404, 405, 406] {
            let count = records.reduce(0) { $0 + $1.errors[code, default: 0] }
            #expect(count >= 20, "\(code) came \(count) times")
        }
        let again = abandoned.reduce(0, +)
        #expect(again > 0, "no channel failed with deliveries in hand")
        let errors = records.reduce(0) { $0 + $1.errors.values.reduce(0, +) }
        print("ManyChannels: \(errors) channels failed, \(again) deliveries of theirs came again")
    }
}
