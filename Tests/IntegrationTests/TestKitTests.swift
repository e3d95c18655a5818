import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import MillraceTesting
import TestSupport
import Testing

/// Publishes all that it sees of a message, and a publication with all that one can have.
private enum Probe {
    static func report(_ message: borrowing Message, _ context: JobContext, to output: String) throws -> Outcome {
        let fields: [String?] = [
            message.exchange, "\(message.attempt)", "\(message.redelivered)", message.contentType,
            message.contentEncoding, message.messageID, message.correlationID, message.replyTo, message.type,
            message.appID, message.expiration, message.timestamp.map { "\($0)" },
            message.deliveryMode.map { "\($0)" }, message.priority.map { "\($0)" }, "\(message.bodyBytes)",
            context.jobName, "\(context.isCancelled)",
        ]
        let keys = ["flag", "number", "real", "text", "octets", "table", "none"]
        let headers = keys.map { key in message.header(key).map { "\($0)" } ?? "-" }
        var publication = Publication(
            Array((fields.map { $0 ?? "-" } + headers).joined(separator: "\n").utf8),
            routingKey: output
        )
        publication.contentType = "text/plain"
        publication.messageID = "out"
        publication.correlationID = "c"
        publication.replyTo = "r"
        publication.type = "t"
        publication.isTransient = true
        publication.priority = 3
        publication.headers = [
            "flag": .bool(true), "number": .integer(-7), "real": .double(0.5), "text": .string("ä"),
            "octets": .bytes([0, 255]), "table": .other,
        ]
        try context.publish(publication)
        do {
            try context.publish([], routingKey: String(repeating: "x", count: 256))
        } catch {
            try context.publish(Array("\(error)".utf8), routingKey: output)
        }
        if message.bodyText == "fails" { throw Unrecoverable("it fails") }
        return .ack
    }
}

private struct SyncProbe: SyncJobHandler {
    private let output: String

    init(_ options: HandlerOptions) throws { self.output = try options.string("output") }

    func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        try Probe.report(message, context, to: self.output)
    }
}

private struct AsyncProbe: JobHandler {
    private let output: String

    init(_ options: HandlerOptions) throws { self.output = try options.string("output") }

    func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        await Task.yield()
        return try Probe.report(message, context, to: self.output)
    }
}

private struct BatchProbe: BatchHandler {
    private let output: String

    init(_ options: HandlerOptions) throws { self.output = try options.string("output") }

    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
        batch.verdicts { message, context in try Probe.report(message, context, to: self.output) }
    }
}

private let plugin = MillracePlugin(
    name: "probe",
    middleware: [TracingMiddleware()],
    [
        .sync("probe.sync", SyncProbe.self), .async("probe.async", AsyncProbe.self),
        .batch("probe.batch", BatchProbe.self),
    ]
)

/// What `MillraceTesting` shows a handler, and says of it, is what a supervisor on a broker does.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct TestKitTests {
    private let input = Broker.unique("kit")
    private var output: String { self.input + ".out" }
    private static let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    private var messages: [TestMessage] {
        var full = TestMessage(
            body: "all of it",
            headers: [
                "flag": .bool(false), "number": .integer(41), "real": .double(2.25), "text": .string("ü"),
                "octets": .bytes([1, 2]), "table": .other, "traceparent": .string(Self.trace),
            ],
            routingKey: self.input
        )
        full.contentType = "application/json"
        full.contentEncoding = "identity"
        full.messageID = "id"
        full.correlationID = "corr"
        full.replyTo = "reply"
        full.type = "kind"
        full.appID = "app"
        full.expiration = "600000"
        full.timestamp = 1_700_000_000
        full.deliveryMode = 2
        full.priority = 5
        return [
            full, TestMessage(body: [0xFF, 0], routingKey: self.input), TestMessage(body: "", routingKey: self.input),
            TestMessage(body: "fails", routingKey: self.input),
        ]
    }

    /// What the supervisor publishes for the messages; gives its counts too.
    private func supervised(_ handler: String, _ messages: [TestMessage]) throws -> (JobCounts, [Delivery]) {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues:
              \(self.input): {}
              \(self.output): {}
            jobs:
              probing:
                queue: \(self.input)
                handler: \(handler)
                with: { output: "\(self.output)" }
            """
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        try channel.selectConfirms()
        for message in messages {
            try channel.publish(message.body, routingKey: self.input, properties: BasicProperties(message))
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
        #expect(supervisor.run() == .clean)
        var outputs: [Delivery] = []
        while let delivery = try channel.get(self.output, noAck: true) { outputs.append(delivery) }
        for queue in [self.input, self.output, self.input + ".dead"] { try channel.deleteQueue(queue) }
        connection.close()
        return (supervisor.counts, outputs)
    }

    @Test(arguments: ["probe.sync", "probe.async", "probe.batch"])
    func `a handler sees the same, and the same goes out`(handler: String) async throws {
        let messages = self.messages
        let tester = try await JobTester(
            plugin: plugin.descriptor,
            handler: handler,
            options: ["output": .string(self.output)],
            job: "probing"
        )
        let tested = try await tester.run(messages)
        let (counts, outputs) = try self.supervised(handler, messages)
        #expect(counts.acked == tested.outcomes.count { $0 == .ack })
        #expect(counts.rejected == tested.outcomes.count { $0 == .reject("it fails") })
        #expect(outputs.map { String(decoding: $0.body, as: UTF8.self) } == tested.outputs.map { $0.bodyText })
        #expect(outputs.count == 6)
        #expect(try outputs.map(Self.sent) == tested.outputs.map { BasicProperties(TestMessage($0)) })
        #expect(tested.outputs.first?.headers["traceparent"] == .string(Self.trace))
    }

    /// Without the number that a publish with confirms carries.
    private static func sent(_ output: Delivery) throws -> BasicProperties {
        var properties = try output.properties
        properties.headers?["millrace-seq"] = nil
        if properties.headers?.isEmpty == true { properties.headers = nil }
        return properties
    }
}

extension BasicProperties {
    fileprivate init(_ message: TestMessage) {
        self.init()
        self.contentType = message.contentType
        self.contentEncoding = message.contentEncoding
        self.messageID = message.messageID
        self.correlationID = message.correlationID
        self.replyTo = message.replyTo
        self.type = message.type
        self.appID = message.appID
        self.expiration = message.expiration
        self.timestamp = message.timestamp.map { UInt64($0) }
        self.deliveryMode = message.deliveryMode
        self.priority = message.priority
        if message.headers.isEmpty { return }
        var headers = FieldTable()
        for (key, value) in message.headers.sorted(by: { $0.key < $1.key }) {
            headers[key] =
                switch value {
                case .bool(let flag): .bool(flag)
                case .integer(let number): .int64(Int64(number))
                case .double(let real): .double(real)
                case .string(let text): .string(text)
                case .bytes(let bytes): .bytes(bytes)
                case .other: .table([:])
                }
        }
        self.headers = headers
    }
}
