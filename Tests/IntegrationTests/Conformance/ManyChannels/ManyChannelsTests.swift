import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// As many channels as RabbitMQ allows on one connection, all of them busy, while some of them fail.
@Suite(.enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct ManyChannelsTests {
    static let channelCount = 2047
    static let queueCount = 64
    static let steadyHerds = 3
    /// Their channels fail, those of the steady herds never do.
    static let failingHerds = 2
    static let failingChannels = 128
    /// Phases without errors and with them, in turn, so that both meet the same machine.
    static let phases = 8
    static let messagesAPhase = 5000
    static let errorsAPhase = 40

    @Test
    func
        `C31 C32 C37 C40 C42 C53 C58: on 2,047 channels, errors on some cost the others neither a message nor their rate`()
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
                locked: try publisher.temporaryQueue()
            )
            let herds = try Self.startHerds(plan)
            defer {
                plan.progress.stop()
                for herd in herds { herd.thread.join() }
                for queue in queues { _ = try? publisher.deleteQueue(queue) }
            }
            try #require(plan.progress.awaitReady(herds.count), "\(plan.progress.failures)")
            let oneMore = try failureOf { _ = try connection.openChannel() }
            #expect(oneMore.code == .channelsExhausted)
            #expect(oneMore.scope == .call)
            #expect(oneMore.method == .channelOpen)
            #expect(try Self.consumers(publisher, queues) == Self.channelCount)

            try publisher.selectConfirms()
            var load = Load(publisher: publisher, queues: queues)
            var rates: (calm: Rate, failing: Rate) = (Rate(), Rate())
            for phase in 0..<Self.phases {
                if phase % 2 == 0 {
                    try load.run(plan.progress, into: &rates.calm, errors: 0)
                } else {
                    try load.run(plan.progress, into: &rates.failing, errors: Self.errorsAPhase)
                }
            }
            // Still there, every one of them, and nothing is left. The last to fail may just be coming back.
            let deadline = MonotonicClock.now() + 60_000_000_000
            while case let consumers = try Self.consumers(publisher, queues), consumers != Self.channelCount {
                try #require(MonotonicClock.now() < deadline, "\(consumers) consumers")
            }
            for queue in queues { #expect(try publisher.declareQueue(queue, passive: true).messageCount == 0) }
            plan.progress.stop()
            for herd in herds { herd.outcome.await() }
            try Self.check(herds.compactMap { $0.outcome.record }, load.published, plan.progress.errors)
            #expect(connection.isBlocked == false)
            let (calm, failing) = (rates.calm.perSecond, rates.failing.perSecond)
            print("ManyChannels: \(calm) messages a second without errors, \(failing) with them")
            #expect(failing > calm / 4, "errors on some channels slow the others down")
        }
    }

    private struct Rate {
        var messages = 0
        var nanoseconds: UInt64 = 0
        var perSecond: UInt64 { UInt64(self.messages) * 1_000_000_000 / max(self.nanoseconds, 1) }
    }

    /// Numbered messages, over all queues, as fast as the broker confirms them.
    private struct Load {
        let publisher: Channel
        let queues: [String]
        var published = 0

        /// Publishes the messages of a phase, more while errors are missing, and waits until all are settled.
        mutating func run(_ progress: HerdProgress, into rate: inout Rate, errors: Int) throws {
            let (begin, first, errorsBefore) = (MonotonicClock.now(), self.published, progress.errorCount)
            progress.setFailing(errors > 0)
            repeat {
                for _ in 0..<1000 { try self.publish() }
                #expect(try self.publisher.awaitConfirms(timeout: Patience.long) == [])
                try #require(progress.failures == [])
            } while self.published - first < ManyChannelsTests.messagesAPhase
                || progress.errorCount < errorsBefore + errors
            try #require(progress.awaitSettled(self.published), "\(progress.failures)")
            rate.messages += self.published - first
            rate.nanoseconds += MonotonicClock.now() - begin
            progress.setFailing(false)
        }

        private mutating func publish() throws {
            let body = withUnsafeBytes(of: UInt32(self.published).bigEndian) { Array($0) }
            let queue = self.queues[self.published % self.queues.count]
            try self.publisher.publish(body, routingKey: queue, mandatory: true)
            self.published += 1
        }
    }

    private struct Herd {
        let thread: WorkerThread
        let outcome: ChannelHerd.Outcome
    }

    private static func startHerds(_ plan: ChannelHerd.Plan) throws -> [Herd] {
        try (0..<Self.failingHerds + Self.steadyHerds).map { index in
            let isFailing = index < Self.failingHerds
            let share = (0..<Self.channelCount).filter { channel in
                channel < Self.failingChannels
                    ? channel % Self.failingHerds == index
                    : Self.failingHerds + channel % Self.steadyHerds == index
            }
            let outcome = ChannelHerd.Outcome()
            let thread = try WorkerThread.start(name: "herd-\(index)") {
                outcome.set(ChannelHerd.live(plan, channels: share, isFailing: isFailing))
            }
            return Herd(thread: thread, outcome: outcome)
        }
    }

    private static func consumers(_ channel: Channel, _ queues: [String]) throws -> Int {
        try queues.reduce(0) { try $0 + channel.declareQueue($1, passive: true).consumerCount }
    }

    /// Every message was settled once; only what was unsettled on a channel that failed came more than once, and was
    /// marked.
    private static func check(_ records: [ChannelHerd.Record], _ messages: Int, _ errors: [UInt16: Int]) throws {
        try #require(records.count == Self.steadyHerds + Self.failingHerds)
        var receipts = [Int](repeating: 0, count: messages)
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
        for message in 0..<messages {
            #expect(receipts[message] == 1 + abandoned[message], "message \(message)")
            #expect(marked[message] >= abandoned[message], "message \(message)")
        }
        for code: UInt16 in [403, 404, 405, 406] {
            let count = errors[code, default: 0]
            #expect(count >= 20, "\(code) came \(count) times")
        }
        for record in records[Self.failingHerds...] { #expect(record.abandoned == []) }
        let again = abandoned.reduce(0, +)
        #expect(again > 0, "no channel failed with deliveries in hand")
        let count = errors.values.reduce(0, +)
        print("ManyChannels: \(count) channels failed, \(again) deliveries of theirs came again")
    }
}
