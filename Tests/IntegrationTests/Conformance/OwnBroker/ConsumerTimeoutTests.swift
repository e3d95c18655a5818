import AMQPClient
import AMQPWire
import TestSupport
import Testing

extension OwnBrokerTests {
    /// The broker's patience with a delivery that nobody settles, cut down from 30 minutes to a second (C61).
    struct ConsumerTimeoutTests {
        private static func impatient(
            _ body: @escaping @Sendable (Rig) throws -> Void
        ) async throws {
            try await OwnBrokerTests.run { rig, node in
                try node.set("consumer_timeout", 1000)
                try node.set("channel_tick_interval", 300)
                let outcome = Result { try body(rig) }
                try node.set("consumer_timeout", 1_800_000)
                try node.set("channel_tick_interval", 60_000)
                try outcome.get()
            }
        }

        @Test func `C38 C61: a delivery held too long ends its channel with a 406 that is worth another try`()
            async throws
        {
            try await Self.impatient { rig in
                let connection = try rig.connect()
                let channel = try connection.openChannel()
                let neighbour = try connection.openChannel()
                let queue = try neighbour.temporaryQueue()
                try channel.consume(queue)
                try channel.fill(queue, 1...1)
                let held = try channel.delivery()
                let error = try failureOf { try channel.awaitEnd() }
                #expect(error.code == AMQPError.Code(.preconditionFailed))
                #expect(error.scope == .channel(channel.number))
                #expect(error.text.contains("delivery acknowledgement on channel \(channel.number) timed out"))
                #expect(error.isTransient)
                // Ticks of the broker later it is one channel that ended, once, and its number can be used again.
                #expect(try neighbour.nextDelivery(timeout: .seconds(1)) == nil)
                try neighbour.proveAlive()
                let next = try connection.openChannel()
                try next.ack(held)
                try next.consume(queue)
                let again = try next.delivery()
                #expect(again.redelivered)
                try next.ack(again)
                #expect(connection.outbox.isBlocked == false)
            }
        }

        @Test func `C38: RabbitMQ repeats the close at every tick, until one close-ok comes`() async throws {
            try await Self.impatient { rig in
                let raw = try rig.raw()
                try raw.open(1, 2)
                let queue = try raw.declareQueue(on: 1)
                try raw.ask(BasicConsume(queue: queue, consumerTag: "c"), BasicConsumeOk.self, on: 1)
                try raw.publish(to: queue, on: 1)
                for _ in 0..<3 {
                    let close = try raw.nextClose()
                    #expect(close.channel == 1)
                    #expect(close.code == .preconditionFailed)
                }
                try raw.send(ChannelCloseOk(), on: 1)
                // More may have been on their way; then the number is free, and the connection lives.
                _ = try raw.ping(on: 2)
                try raw.open(1)
                _ = try raw.declareQueue(on: 1)
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
