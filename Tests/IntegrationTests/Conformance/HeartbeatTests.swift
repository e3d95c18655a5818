import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// Heartbeats do not depend on what the owners of channels do, nor on what is being sent.
///
/// On a broker of its own: one that all other tests keep busy may itself be silent for some seconds.
@Suite(
    .enabled(if: OwnBroker.isThere, "needs MILLRACE_RABBITMQ; ops/test sets it"),
    .serialized,
    .timeLimit(.minutes(10)),
    .ownBroker
)
struct HeartbeatTests {
    @Test
    func `C14 C15 C17: a handler that is busy for 60 s keeps its connection at heartbeat 2 s, and its ack counts`()
        async throws
    {
        try await OwnBrokerTests.run { rig, _ in
            let watcher = Watcher()
            let connection = try rig.connect({ $0.heartbeatSeconds = 2 }, delegate: watcher)
            let channel = try connection.openChannel()
            let queue = try channel.temporaryQueue()
            try channel.fill(queue, 1...2)
            try channel.prefetch(1)
            try channel.consume(queue)
            let first = try channel.delivery()
            // The handler: it touches no channel, and neither does anybody else. RabbitMQ would hang up after 6 s.
            Busy.block(for: .seconds(60))
            #expect(channel.isOpen)
            try channel.ack(first)
            let second = try channel.delivery()
            #expect(second.body == [2])
            #expect(!second.redelivered)
            try channel.ack(second)
            try channel.proveAlive()
        }
    }

    @Test func `C14 C15: an idle connection at heartbeat 2 s outlives three of them`() async throws {
        try await OwnBrokerTests.run { rig, _ in
            let channel = try rig.connect { $0.heartbeatSeconds = 2 }.openChannel()
            // Nothing is sent or received for 7 s but heartbeats: RabbitMQ would have hung up after 6.
            #expect(try channel.nextDelivery(timeout: .seconds(7)) == nil)
            #expect(channel.isOpen)
            try channel.proveAlive()
        }
    }

    @Test func `C14 C17: big messages, written for seconds, do not hold up the heartbeats`() async throws {
        try await OwnBrokerTests.run { rig, _ in
            let connection = try rig.connect { $0.heartbeatSeconds = 2 }
            let channel = try connection.openChannel()
            let queue = try channel.declareQueue(
                "",
                durable: false,
                exclusive: true,
                arguments: ["x-max-length": .int64(1)]
            ).name
            try channel.selectConfirms()
            let body = [UInt8](repeating: 7, count: 48 << 20)
            let start = MonotonicClock.now()
            var count = 0
            while MonotonicClock.now() < start + 6_000_000_000 {
                try channel.publish(body, routingKey: queue)
                count += 1
                #expect(try channel.awaitConfirms(timeout: .seconds(60)) == [])
            }
            #expect(count > 0)
            let delivery = try #require(try channel.get(queue))
            #expect(delivery.bodyByteCount == body.count)
            try channel.ack(delivery)
            try channel.proveAlive()
        }
    }
}

/// A handler that does not come back for a while.
enum Busy {
    static func block(for duration: Duration) {
        // Nobody ever signals: it is the deadline that is waited for.
        _ = Monitor(0).wait(until: MonotonicClock.deadline(in: duration)) { _ -> Bool? in nil }
    }
}
