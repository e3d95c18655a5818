import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// Publishes the bodies it gets, in its order.
private struct Echo: SyncJobHandler {
    private let output: String

    init(_ options: HandlerOptions) throws { self.output = try options.string("output") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try context.publish(message.bodyBytes, routingKey: self.output)
        return .ack
    }
}

private let plugin = MillracePlugin(name: "tests", [.sync("tests.echo", Echo.self)])

/// Queues and consumers as the job file asks for them, on a real RabbitMQ.
@Suite(
    .ownThread,
    .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"),
    .tags(.rabbitMQWords),
    .onRabbitMQ,
    .timeLimit(.minutes(10))
)
struct QueueOptionTests {
    private let input = Broker.unique("options")
    private var output: String { self.input + ".out" }

    private func file(_ queue: String, job: String = "", more: String = "") throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")", recovery: { initial_interval: 20ms, max_interval: 100ms } }
            queues:
              \(self.output): {}
            \(queue)
            jobs:
              work:
                queue: \(self.input)
                handler: tests.echo
                with: { output: \(self.output) }
            \(job)
            \(more)
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private func declare(_ file: JobFile) throws -> [DeclarationFailure] {
        try file.declareTopology(logger: Broker.quiet)
    }

    private func error(_ item: TopologyItem, _ failures: [DeclarationFailure]) -> AMQPError? {
        failures.first { $0.item == item }?.error
    }

    private func once(_ file: JobFile) throws -> Millrace.ExitStatus {
        try TestSupervisor(file, [plugin.descriptor], once: true).run()
    }

    private func withChannel(_ body: (Channel) throws -> Void) throws {
        let connection = try Broker.connect()
        defer { connection.close() }
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        try body(channel)
        let end = try connection.openChannel()
        for queue in [self.input, self.output, self.input + ".dead"] { try end.deleteQueue(queue) }
    }

    private func outputs(_ channel: Channel) throws -> [UInt8] {
        var all: [UInt8] = []
        while let delivery = try channel.get(self.output, noAck: true) { all += delivery.body }
        return all
    }

    @Test func `type classic is sent when it is written; a queue that was declared without it stays as good`() throws {
        let plain = try self.file("  \(self.input): {}")
        let written = try self.file("  \(self.input): { type: classic }")
        try self.withChannel { channel in
            #expect(try self.declare(plain).isEmpty)
            #expect(try self.declare(written).isEmpty)
            #expect(try self.declare(plain).isEmpty)
            try channel.deleteQueue(self.input)
            #expect(try self.declare(written).isEmpty)
            #expect(try self.declare(plain).isEmpty)
        }
    }

    @Test func `every option reaches the broker, under its own name`() throws {
        let classic = """
              \(self.input):
                max_length: 2
                max_length_bytes: 1000
                overflow: reject-publish
                max_priority: 5
                expires: 10m
                message_ttl: 1h
                single_active_consumer: true
            """
        #expect(try self.declare(self.file(classic)).isEmpty)
        try self.withChannel { channel in
            let arguments: FieldTable = [
                "x-max-length": 2, "x-max-length-bytes": 1000, "x-overflow": "reject-publish", "x-max-priority": 5,
                "x-expires": .int64(600_000), "x-message-ttl": .int64(3_600_000), "x-single-active-consumer": true,
            ]
            _ = try channel.declareQueue(self.input, arguments: arguments)  // 406 if one of them differs
            for number in 1...3 as ClosedRange<UInt8> { try channel.publish([number], routingKey: self.input) }
            #expect(try channel.awaitConfirms(timeout: Patience.long).map(\.reason) == [.refused])
        }
        let quorum = "  \(self.input): { type: quorum, delivery_limit: 7, dead_letter: { routing_key: x } }"
        #expect(try self.declare(self.file(quorum)).isEmpty)
        try self.withChannel { channel in
            let arguments: FieldTable = [
                "x-queue-type": "quorum", "x-delivery-limit": 7, "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "x",
            ]
            _ = try channel.declareQueue(self.input, arguments: arguments)
            try channel.deleteQueue("x")
        }
    }

    @Test func `no delivery limit: said to the brokers that know it, and a queue of older days is used as it is`()
        throws
    {
        let limit = "  \(self.input): { type: quorum, delivery_limit: -1 }"
        let isSaid = try Broker.profile().negativeLimit == .unlimited
        #expect(try self.declare(self.file(limit)).isEmpty)
        #expect(try self.declare(self.file(limit)).isEmpty, "it clashes with itself")
        try self.withChannel { channel in
            var arguments: FieldTable = ["x-queue-type": "quorum"]
            if isSaid { arguments["x-delivery-limit"] = .int64(-1) }
            _ = try channel.declareQueue(self.input, arguments: arguments)  // 406 if it was made in another way
            try channel.publish([7], routingKey: self.input)
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            try channel.prefetch(1)
            try channel.consume(self.input)
            for _ in 0..<25 {
                let delivery = try #require(try channel.nextDelivery(timeout: Patience.long))
                try channel.reject(delivery, requeue: true)
            }
            channel.close()
            #expect(try self.once(self.file(limit)) == .clean)
        }
        try self.withChannel { channel in
            _ = try channel.declareQueue(self.input, arguments: ["x-queue-type": "quorum"])
            try channel.publish([8], routingKey: self.input)
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            #expect(try self.declare(self.file(limit)).isEmpty)
            #expect(try self.once(self.file(limit)) == .clean)
            #expect(try self.outputs(channel) == [8])
        }
    }

    @Test func `priorities: the higher first`() throws {
        let file = try self.file("  \(self.input): { max_priority: 9 }", job: "    prefetch: 1")
        #expect(try self.declare(file).isEmpty)
        try self.withChannel { channel in
            for number in [3, 9, 1, 7] as [UInt8] {
                var properties = BasicProperties()
                properties.priority = number
                try channel.publish([number], routingKey: self.input, properties: properties)
            }
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            #expect(try self.once(file) == .clean)
            #expect(try self.outputs(channel) == [9, 7, 3, 1])
        }
    }

    @Test func `a queue that differs: its job fails, or takes it as it is`() throws {
        try self.withChannel { channel in
            _ = try channel.declareQueue(self.input, durable: false)
            _ = try channel.declareQueue(self.output)
            try channel.publish([1], routingKey: self.input)
            #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
            let failures = try self.declare(self.file("  \(self.input): {}"))
            #expect(self.error(.queue(self.input), failures)?.code == AMQPError.Code(.preconditionFailed))
            let status = try self.once(self.file("  \(self.input): {}"))
            #expect(status == .configuration)
            let keeping = try self.file("  \(self.input): { on_mismatch: keep }")
            #expect(try self.declare(keeping).isEmpty)
            #expect(try self.once(keeping) == .clean)
            #expect(try self.outputs(channel) == [1])
        }
    }

    @Test func `passive must be there, none is not looked at`() throws {
        try self.withChannel { channel in
            let passive = try self.file("  \(self.input): { declare: passive }")
            #expect(try self.error(.queue(self.input), self.declare(passive))?.code == AMQPError.Code(.notFound))
            let exchange = "exchanges: { \(self.input).x: { declare: passive }, \(self.input).y: { declare: none } }"
            let failures = try self.declare(self.file("", more: exchange))
            #expect(self.error(.exchange("\(self.input).x"), failures)?.code == AMQPError.Code(.notFound))
            #expect(self.error(.exchange("\(self.input).y"), failures) == nil)
            _ = try channel.declareQueue(self.input, durable: false)  // not what a declaration would make
            #expect(try self.declare(passive).isEmpty)
            #expect(try self.declare(self.file("  \(self.input): { declare: none }")).isEmpty)
        }
    }

    @Test func `a missing queue is waited for, if the job says so`() throws {
        try self.withChannel { channel in
            #expect(try self.once(self.file("")) == .configuration)
            let file = try self.file("", job: "    missing_queue: retry")
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            try supervisor.whileRunning {
                #expect(supervisor.wait { if case .restarting = $0.state { true } else { false } })
                _ = try channel.declareQueue(self.input)
                try channel.publish([1], routingKey: self.input)
                #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
                #expect(supervisor.wait { $0.counts.acked == 1 })
            }
        }
    }

    @Test func `an exclusive consumer keeps others out, and its arguments reach the broker`() throws {
        let file = try self.file(
            "  \(self.input): {}",
            job: "    exclusive: true\n    consumer_arguments: { x-own: yes }"
        )
        #expect(try self.declare(file).isEmpty)
        try self.withChannel { channel in
            let supervisor = try TestSupervisor(file, [plugin.descriptor])
            try supervisor.whileRunning {
                #expect(supervisor.wait { $0.consuming == 1 })
                let connection = try Broker.connect()
                defer { connection.close() }
                let other = try connection.openChannel()
                let refusal = #expect(throws: AMQPError.self) { try other.consume(self.input) }
                #expect(refusal?.code == AMQPError.Code(.accessRefused))
            }
        }
    }

    @Test func `what the broker refuses whatever there is can not be kept`() throws {
        try self.withChannel { _ in
            let file = try self.file("  \(self.input): { on_mismatch: keep, arguments: { x-queue-version: 99 } }")
            #expect(
                try self.error(.queue(self.input), self.declare(file))?.code == AMQPError.Code(.preconditionFailed)
            )
            let odd = try self.file("  \(self.input): { on_mismatch: keep, arguments: { x-queue-mode: sideways } }")
            let isRefused = try Broker.profile().oddQueueMode == .refused
            #expect(
                try self.error(.queue(self.input), self.declare(odd))?.code
                    == (isRefused ? AMQPError.Code(.preconditionFailed) : nil)
            )
        }
    }

    @Test(arguments: [
        ("{ type: quorum, max_priority: 5 }", "a quorum queue has no max_priority"),
        ("{ type: quorum, overflow: reject-publish-dlx }", "a quorum queue can not dead-letter what it refuses"),
        ("{ delivery_limit: 3 }", "a classic queue counts no deliveries"),
        ("{ type: quorum, delivery_limit: 0 }", "'delivery_limit' cannot be '0'"),
        ("{ type: quorum, delivery_limit: -2 }", "'delivery_limit' cannot be '-2'"),
        ("{ overflow: drop-tail }", "'overflow' cannot be 'drop-tail'"),
        ("{ arguments: { x-overflow: drop-head } }", "'x-overflow' is written 'overflow'"),
    ])
    func `what can not be is an error of the file`(_ queue: String, _ message: String) throws {
        let error = #expect(throws: JobFileError.self) { _ = try self.file("  \(self.input): \(queue)") }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test func `an exclusive job has one thread`() {
        let error = #expect(throws: JobFileError.self) {
            _ = try self.file("", job: "    exclusive: true\n    threads: 2")
        }
        #expect(error?.description.contains("'exclusive' lets one consumer in") == true)
    }
}
