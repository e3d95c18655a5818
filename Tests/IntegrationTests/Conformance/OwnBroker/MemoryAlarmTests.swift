import AMQPClient
import AMQPWire
import TestSupport
import Testing

extension OwnBrokerTests {
    /// A real memory alarm: RabbitMQ stops reading from whoever publishes (C51).
    struct MemoryAlarmTests {
        private static func raise(_ node: OwnBroker.Node) throws {
            try node.control("set_vm_memory_high_watermark", "0.00001")
            // RabbitMQ tells its connections of an alarm one by one, and blocks none before its next publish: one that was
            // read before that is the last that a test sends. When a later connection is blocked, all others know.
            let watcher = Watcher()
            let probe = try Broker.connect(to: node.endpoint, delegate: watcher)
            defer { probe.close(timeout: .zero) }
            let channel = try probe.openChannel()
            let deadline = MonotonicClock.now() &+ 60_000_000_000
            repeat {
                try #require(MonotonicClock.now() < deadline, "no alarm")
                try channel.publish([0], routingKey: Broker.unique("nowhere"))
            } while !watcher.await(blocked: true, within: .milliseconds(100))
        }

        private static func lower(_ node: OwnBroker.Node) throws {
            try node.control("set_vm_memory_high_watermark", "0.8")
        }

        /// Runs `body` under the alarm, which ends with it in every case.
        static func underAlarm<R>(_ node: OwnBroker.Node, _ body: () throws -> R) throws -> R {
            try Self.raise(node)
            let outcome = Result { try body() }
            try Self.lower(node)
            return try outcome.get()
        }

        @Test func `C18 C51: publishers wait, consumers on another connection go on, and nothing is lost`() async throws
        {
            try await OwnBrokerTests.run { rig, node in
                let watcher = Watcher()
                let publishing = try rig.connect({ $0.heartbeatSeconds = 1 }, delegate: watcher)
                let publisher = try publishing.openChannel()
                let mixed = try publishing.openChannel()
                let consumer = try rig.connect { $0.heartbeatSeconds = 1 }.openChannel()
                let queue = try consumer.temporaryQueue()
                let acked = try consumer.declareQueue(Broker.unique("acked"), durable: false, autoDelete: true).name
                try consumer.fill(queue, 1...50)
                try consumer.fill(acked, 1...2)
                try mixed.prefetch(1)
                try mixed.consume(acked)
                let held = try mixed.delivery()
                let (late, thread) = try LatePublisher.start(publishing, bodies: [102, 103, 104], to: queue)
                defer { thread.join() }
                defer { late.go() }

                try Self.underAlarm(node) {
                    // Who does not publish is not blocked.
                    try publisher.proveAlive()
                    #expect(!publishing.isBlocked)
                    try publisher.selectConfirms()
                    try publisher.publish([101], routingKey: queue)
                    #expect(watcher.await(blocked: true))
                    #expect(publishing.isBlocked)
                    late.go()

                    try consumer.prefetch(1)
                    try consumer.consume(queue)
                    for number: UInt8 in 1...50 {
                        let delivery = try consumer.delivery()
                        #expect(delivery.body == [number])
                        try consumer.ack(delivery)
                    }
                    // On the blocked connection the ack has no effect yet: at a prefetch of 1 nothing follows. Four
                    // heartbeats long; nobody hangs up, although the broker reads nothing.
                    try mixed.ack(held)
                    #expect(try mixed.nextDelivery(timeout: .seconds(4)) == nil)
                    #expect(publishing.isBlocked)
                    #expect(late.published == 0)
                    #expect(mixed.isOpen)
                }
                #expect(watcher.await(blocked: false))
                #expect(try mixed.delivery().body == [2])
                #expect(try publisher.awaitConfirms(timeout: Patience.long) == [])
                var rest: [UInt8] = []
                for _ in 0..<4 {
                    let delivery = try consumer.delivery()
                    rest.append(delivery.body[0])
                    try consumer.ack(delivery)
                }
                // The first publish may have been read before the block or after it.
                #expect(rest.sorted() == [101, 102, 103, 104])
                #expect(late.published == 3)
                #expect(late.failure == nil)
            }
        }

        @Test func `C17 C18: a big message stuck half-way does not hold up what keeps the connection alive`()
            async throws
        {
            try await OwnBrokerTests.run { rig, node in
                let watcher = Watcher()
                let connection = try rig.connect({ $0.heartbeatSeconds = 1 }, delegate: watcher)
                let channel = try connection.openChannel()
                let queue = try channel.temporaryQueue()
                try channel.selectConfirms()
                let body = [UInt8](repeating: 5, count: 64 << 20)
                try Self.underAlarm(node) {
                    try channel.publish(body, routingKey: queue)
                    #expect(watcher.await(blocked: true))
                    #expect(try channel.nextDelivery(timeout: .seconds(4)) == nil)
                    #expect(channel.unconfirmedCount == 1)
                    #expect(channel.isOpen)
                }
                #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
                #expect(try channel.get(queue, noAck: true)?.bodyByteCount == body.count)
            }
        }

        @Test(.enabled(if: Tool.isBuilt, "needs a release build; ops/test makes one"))
        func `the command that publishes names the alarm, and ends when nothing is confirmed for too long`()
            async throws
        {
            try await OwnBrokerTests.run { rig, node in
                let queue = try rig.connect().openChannel().declareQueue(Broker.unique("alarm"), durable: false).name
                let uri = "amqp://guest:guest@127.0.0.1:\(node.endpoint.port)/%2F"
                let result = try Self.underAlarm(node) {
                    try Tool.run(
                        Tool.millrace,
                        ["publish", "--uri", uri, "--routing-key", queue, "--lines", "--timeout", "2"],
                        octets: Array("a\nb\nc\n".utf8)
                    )
                }
                #expect(result.status == 69, "\(result.output)")
                #expect(result.errors.contains("the broker holds publishers back: low on memory"))
                #expect(result.errors.contains(" messages were confirmed; "))
            }
        }

        @Test func `C44: closing a blocked connection ends by its deadline, though nobody answers`() async throws {
            try await OwnBrokerTests.run { rig, node in
                let watcher = Watcher()
                let connection = try rig.connect(delegate: watcher)
                let channel = try connection.openChannel()
                let neighbour = try rig.connect().openChannel()
                try Self.underAlarm(node) {
                    try channel.publish([1], routingKey: Broker.unique("nowhere"))
                    #expect(watcher.await(blocked: true))
                    let start = MonotonicClock.now()
                    connection.close(timeout: .seconds(1))
                    let seconds = Double(MonotonicClock.now() - start) / 1e9
                    #expect(seconds >= 1)
                    #expect(seconds < 4)
                    #expect(watcher.awaitEnd()?.code == .closedByOwner)
                    #expect(try failureOf { try channel.prefetch(1) }.code == .closedByOwner)
                    try neighbour.proveAlive()
                }
            }
        }
    }
}
