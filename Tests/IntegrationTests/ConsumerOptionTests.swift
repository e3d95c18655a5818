import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Who gets the messages, and queues that are not for ever, as the job file asks for them, on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct ConsumerOptionTests {
    private let queue = Broker.unique("consumer")
    private var dead: String { self.queue + ".dead" }

    private func file(_ queue: String = "{}", job: String = "", queues: String = "") throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")", recovery: { initial_interval: 20ms, max_interval: 100ms } }
            queues:
              \(self.queue): \(queue)
            \(queues)
            jobs:
              work:
                queue: \(self.queue)
                handler: say.sync
            \(job)
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private func supervisor(_ file: JobFile) throws -> TestSupervisor {
        try TestSupervisor(file, [Saying.plugin.descriptor])
    }

    private func withConnection(_ body: (Connection, Channel) throws -> Void) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        try body(connection, channel)
        let end = try connection.openChannel()
        for queue in [self.queue, self.dead] { try end.deleteQueue(queue) }
    }

    private func publish(_ count: Int, _ channel: Channel) throws {
        for _ in 0..<count { try channel.publish(Array("ack".utf8), routingKey: self.queue) }
        let failed = try channel.awaitConfirms(timeout: Patience.long)
        #expect(failed.isEmpty, "\(failed)")
    }

    private func code(_ body: () throws -> Void) -> AMQPError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? AMQPError)?.code
        }
    }

    // MARK: Consumers

    @Test(arguments: [10, -10])
    func `consumer_priority: the higher one is served first`(priority: Int) throws {
        let file = try self.file(job: "    consumer_priority: \(priority)\n    prefetch: 50")
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        try self.withConnection { connection, channel in
            let other = try connection.openChannel()
            try other.consume(self.queue, noAck: true)
            let supervisor = try self.supervisor(file)
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 })
                try self.publish(20, channel)
                if priority > 0 {
                    #expect(supervisor.wait { $0.counts.acked == 20 })
                } else {
                    for _ in 0..<20 { #expect(try other.nextDelivery(timeout: Patience.long) != nil) }
                }
            }
            #expect(supervisor.counts.received == (priority > 0 ? 20 : 0))
        }
    }

    @Test(.enabled(if: Broker.control != nil, "needs the broker's rabbitmqctl"))
    func `consumer_arguments reach the broker, beside the priority`() throws {
        let file = try self.file(job: "    consumer_priority: 7\n    consumer_arguments: { x-own: yes, x-number: 3 }")
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        try self.withConnection { _, _ in
            let supervisor = try self.supervisor(file)
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 })
                let all = try #require(Broker.control).consumerArguments(in: self.queue)
                #expect(all.count == 1)
                for wanted in ["x-own", "x-number", "3", "x-priority", "7"] {
                    #expect(all.first?.contains(wanted) == true, "\(wanted) in \(all)")
                }
            }
        }
    }

    @Test(arguments: ["classic", "quorum"])
    func `a single active consumer works alone; when it goes the one that stands by takes over`(type: String) throws {
        let file = try self.file("{ type: \(type), single_active_consumer: true }", job: "    prefetch: 5")
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        try self.withConnection { _, channel in
            let (active, standby) = (try self.supervisor(file), try self.supervisor(file))
            let hasGone = Latch()
            let thread = try WorkerThread.start(name: "active") {
                _ = active.run()
                hasGone.open()
            }
            defer {
                active.stop()  // says nothing to one that has gone
                thread.join()
            }
            #expect(active.wait { $0.consuming == 1 })
            try standby.whileRunning {
                #expect(standby.wait { $0.consuming == 1 })
                try self.publish(20, channel)
                #expect(active.wait { $0.counts.acked == 20 })
                #expect(standby.counts.received == 0)
                // Some of these are in the hands of the one that goes: it finishes them, or gives them back.
                try self.publish(10, channel)
                active.stop()
                #expect(hasGone.wait())
                try self.publish(10, channel)
                #expect(standby.wait { $0.counts.acked >= 10 && $0.counts.acked + active.counts.acked == 40 })
            }
        }
    }

    @Test func `an exclusive job waits while somebody else consumes, and has the queue afterwards`() throws {
        let file = try self.file(job: "    exclusive: true")
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        try self.withConnection { connection, channel in
            let other = try connection.openChannel()
            let tag = try other.consume(self.queue)
            let supervisor = try self.supervisor(file)
            try supervisor.whileRunning {
                #expect(
                    supervisor.wait { if case .restarting(let why) = $0.state { why.contains("403") } else { false } }
                )
                try other.cancel(tag)
                try self.publish(1, channel)
                #expect(supervisor.wait { $0.counts.acked == 1 })
            }
        }
    }

    // MARK: Queues

    @Test func `an exclusive queue is the supervisor's own, works, and goes with it`() throws {
        try self.withConnection { connection, channel in
            let supervisor = try self.supervisor(try self.file("{ exclusive: true }"))
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 })
                let probe = try connection.openChannel()
                #expect(
                    self.code { _ = try probe.declareQueue(self.queue, passive: true) }
                        == AMQPError.Code(.resourceLocked)
                )
                try self.publish(3, channel)
                #expect(supervisor.wait { $0.counts.acked == 3 })
            }
            let probe = try connection.openChannel()
            #expect(self.code { _ = try probe.declareQueue(self.queue, passive: true) } == AMQPError.Code(.notFound))
        }
    }

    @Test func `an auto_delete queue goes with its last consumer`() throws {
        try self.withConnection { connection, channel in
            let supervisor = try self.supervisor(try self.file("{ auto_delete: true }"))
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 })
                try self.publish(3, channel)
                #expect(supervisor.wait { $0.counts.acked == 3 })
            }
            let probe = try connection.openChannel()
            #expect(self.code { _ = try probe.declareQueue(self.queue, passive: true) } == AMQPError.Code(.notFound))
        }
    }

    @Test func `a queue that is not durable is declared so`() throws {
        #expect(try self.file("{ durable: false }").declareTopology(logger: Broker.quiet).isEmpty)
        try self.withConnection { connection, channel in
            _ = try channel.declareQueue(self.queue, durable: false)
            let probe = try connection.openChannel()
            #expect(self.code { _ = try probe.declareQueue(self.queue) } == AMQPError.Code(.preconditionFailed))
        }
    }

    @Test(
        arguments: ["classic", "quorum"],
        [
            ("message_ttl: 1h", "x-message-ttl", .int64(3_600_000)), ("max_length: 5", "x-max-length", 5),
            ("expires: 10m", "x-expires", .int64(600_000)),
            ("single_active_consumer: true", "x-single-active-consumer", true),
        ] as [(String, String, FieldValue)]
    )
    func `an option is the queue's own, on both types`(type: String, option: (String, String, FieldValue)) throws {
        #expect(try self.file("{ type: \(type), \(option.0) }").declareTopology(logger: Broker.quiet).isEmpty)
        try self.withConnection { connection, channel in
            let without: FieldTable = type == "quorum" ? ["x-queue-type": "quorum"] : [:]
            var with = without
            with[option.1] = option.2
            _ = try channel.declareQueue(self.queue, arguments: with)
            let probe = try connection.openChannel()
            #expect(
                self.code { _ = try probe.declareQueue(self.queue, arguments: without) }
                    == AMQPError.Code(.preconditionFailed)
            )
        }
    }

    @Test func `reject-publish-dlx: what a full queue refuses is a dead letter`() throws {
        let queue = "{ max_length: 1, overflow: reject-publish-dlx, dead_letter: { routing_key: \(self.dead) } }"
        let file = try self.file(queue, queues: "  \(self.dead): {}")
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        try self.withConnection { _, channel in
            for number in 1...2 as ClosedRange<UInt8> { try channel.publish([number], routingKey: self.queue) }
            #expect(try channel.awaitConfirms(timeout: Patience.long).map(\.reason) == [.refused])
            #expect(try channel.get(self.queue, noAck: true)?.body == [1])
            #expect(try channel.get(self.dead, noAck: true)?.body == [2])
        }
    }
}
