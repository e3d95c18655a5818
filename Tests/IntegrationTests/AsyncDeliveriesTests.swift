import AMQPClient
import NIOPosix
import TestSupport
import Testing

/// Tasks that iterate over a queue's deliveries, on a real RabbitMQ through a proxy that cuts.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct AsyncDeliveriesTests {
    private final class Seen: Sendable {
        private let bodies = Monitor<Set<[UInt8]>>([])
        var count: Int { self.bodies.withLock { $0.count } }
        func note(_ body: [UInt8]) { self.bodies.withLock { _ = $0.insert(body) } }
    }

    private static func consume(_ queue: String, _ connection: RecoveringConnection, _ seen: Seen) -> StartedTask<Void>
    {
        StartedTask(inPool: true) {
            try await connection.withDeliveries(from: queue, options: ConsumerOptions(prefetch: 20)) { deliveries in
                try await withThrowingDiscardingTaskGroup { group in
                    for _ in 0..<4 {
                        group.addTask {
                            for try await delivery in deliveries {
                                seen.note(delivery.body)
                                try delivery.ack()
                            }
                        }
                    }
                }
            }
        }
    }

    @Test func `four tasks share a queue, cut again and again: all is seen, and what is left was given out before`()
        throws
    {
        let proxy = try CuttingProxy(to: try Broker.endpoint())
        defer { proxy.stop() }
        let broker = try Broker.connect()
        defer { broker.close() }
        let channel = try broker.openChannel()
        let queue = try channel.declareQueue(Broker.unique("deliveries")).name
        try channel.selectConfirms()
        for number in 0..<2000 { try channel.publish(Array("\(number)".utf8), routingKey: queue) }
        let unconfirmed = try channel.awaitConfirms(timeout: Patience.long)
        #expect(unconfirmed.isEmpty)
        let connection = RecoveringConnection(
            to: [proxy.endpoint],
            settings: RecoverySettings(initialInterval: .milliseconds(5), maxInterval: .milliseconds(50)),
            on: MultiThreadedEventLoopGroup.singleton,
            logger: Broker.quiet
        )
        try connection.startInBackground()
        let seen = Seen()
        let loop = Self.consume(queue, connection, seen)
        for step in 1...10 {
            #expect(Patience.sees { seen.count >= step * 100 })
            proxy.cut()
        }
        #expect(Patience.sees { seen.count == 2000 })
        loop.cancel()
        try loop.result()
        try StartedTask { await connection.shutDown() }.result()
        // Acks that a cut dropped: what they were for comes again, and was seen.
        while let again = try channel.get(queue) {
            #expect(again.redelivered)
            try channel.ack(again)
        }
        try channel.deleteQueue(queue)
    }
}
