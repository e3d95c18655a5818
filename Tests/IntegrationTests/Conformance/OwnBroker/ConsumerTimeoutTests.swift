import AMQPClient
import AMQPWire
import TestSupport
import Testing

extension OwnBrokerTests {
    /// The broker's patience with a delivery that nobody settles, cut down from 30 minutes to a second (C61).
    struct ConsumerTimeoutTests {
        private static func impatient(
            _ body: @escaping @Sendable (Rig, BrokerProfile.Patience) throws -> Void
        ) async throws {
            try await OwnBrokerTests.run { rig, node in
                try node.set("consumer_timeout", 1000)
                try node.set("channel_tick_interval", 300)
                let outcome = Result { try body(rig, node.profile.consumerTimeout) }
                try node.set("consumer_timeout", 1_800_000)
                try node.set("channel_tick_interval", 60_000)
                try outcome.get()
            }
        }

        /// RabbitMQ 4.3 looks at quorum queues alone.
        private static func declare(_ channel: Channel) throws -> String {
            try channel.declareQueue(Broker.unique("held"), arguments: ["x-queue-type": "quorum"]).name
        }

        @Test func `C38 C56 C61: a delivery held too long ends its channel or its consumer, and comes again`()
            async throws
        {
            try await Self.impatient { rig, patience in
                let connection = try rig.connect()
                let channel = try connection.openChannel()
                let neighbour = try connection.openChannel()
                let queue = try Self.declare(neighbour)
                try channel.consume(queue, tag: "slow")
                try channel.fill(queue, 1...1)
                let held = try channel.delivery()
                switch patience {
                case .channel:
                    let error = try failureOf { try channel.awaitEnd() }
                    #expect(error.code == AMQPError.Code(.preconditionFailed))
                    #expect(error.scope == .channel(channel.number))
                    #expect(error.text.contains("delivery acknowledgement on channel \(channel.number) timed out"))
                    #expect(error.isTransient)
                case .consumer:
                    let deadline = MonotonicClock.deadline(in: Patience.long)
                    while channel.cancelledConsumers.isEmpty, channel.pump(until: deadline) {}
                    #expect(channel.takeCancelledConsumers() == ["slow"])
                    // The broker has given it back; a late ack changes nothing, and costs nothing.
                    try channel.ack(held)
                    try channel.proveAlive()
                }
                // Ticks of the broker later it is one channel that ended, once, and its number can be used again.
                #expect(try neighbour.nextDelivery(timeout: .seconds(1)) == nil)
                try neighbour.proveAlive()
                let next = try connection.openChannel()
                if patience == .channel { try next.ack(held) }
                try next.consume(queue)
                let again = try next.delivery()
                #expect(again.redelivered)
                try next.ack(again)
                #expect(connection.outbox.isBlocked == false)
                #expect(try next.deleteQueue(queue) == 0)
            }
        }

        @Test func `C38 C61: RabbitMQ repeats the close at every tick, until one close-ok comes; a cancel comes once`()
            async throws
        {
            try await Self.impatient { rig, patience in
                let raw = try rig.raw()
                try raw.open(1, 2)
                let queue = try Self.declare(try rig.connect().openChannel())
                try raw.ask(BasicConsume(queue: queue, consumerTag: "c"), BasicConsumeOk.self, on: 1)
                try raw.publish(to: queue, on: 1)
                switch patience {
                case .channel:
                    for _ in 0..<3 {
                        let close = try raw.nextClose()
                        #expect(close.channel == 1)
                        #expect(close.code == .preconditionFailed)
                    }
                    try raw.send(ChannelCloseOk(), on: 1)
                    // More may have been on their way; then the number is free, and the connection lives.
                    _ = try raw.ping(on: 2)
                    try raw.open(1)
                case .consumer:
                    for _ in 0..<3 { _ = try raw.frames.next() }  // the delivery
                    #expect(try raw.frames.expect(BasicCancel.self, on: 1).consumerTag == "c")
                    #expect(try !raw.frames.comesSomething(within: .seconds(2)))
                    try raw.send(BasicAck(deliveryTag: 1), on: 1)
                    // The late ack costs nothing; the broker may then serve the consumer again that it has cancelled.
                    _ = try raw.ping(on: 1)
                }
                _ = try raw.declareQueue(on: 1)
                try raw.ask(QueueDelete(queue: queue), QueueDeleteOk.self, on: 1)
            }
        }

        @Test func `C61: a classic queue has that patience, or waits for ever`() async throws {
            try await Self.impatient { rig, patience in
                let channel = try rig.connect().openChannel()
                let queue = try channel.temporaryQueue()
                try channel.consume(queue)
                try channel.fill(queue, 1...1)
                let held = try channel.delivery()
                switch patience {
                case .channel: #expect(try failureOf { try channel.awaitEnd() }.isTransient)
                case .consumer:
                    // Several ticks, and five times what it may take elsewhere.
                    #expect(try channel.nextDelivery(timeout: .seconds(5)) == nil)
                    #expect(channel.takeCancelledConsumers() == [])
                    try channel.ack(held)
                    try channel.proveAlive()
                }
            }
        }
    }
}

extension RawClient {
    /// A round trip on a channel; gives how many other frames came before the answer.
    func ping(on channel: UInt16) throws -> Int {
        try self.send(BasicQos(prefetchCount: 0), on: channel)
        var others = 0
        while true {
            let frame = try self.frames.next()
            if frame.methodID == .basicQosOk, frame.channel == channel { return others }
            others += 1
        }
    }
}
