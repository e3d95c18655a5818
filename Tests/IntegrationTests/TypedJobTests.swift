import AMQPClient
import AMQPWire
import Millrace
import MillraceHandler
import TestSupport
import Testing

/// What each layer saw, by the message's id: "outer in", "handler", "outer out reject", and so on.
private let steps = Monitor<[String: [String]]>([:])

private func note(_ message: borrowing Message, _ step: String) {
    let id = message.messageID ?? ""
    steps.withLock { $0[id, default: []].append(step) }
}

/// Says when a delivery goes in and with what it comes out.
private struct Layer: SyncMiddleware {
    let name: String

    func around(_ message: borrowing Message, _ context: JobContext, _ next: Next) async throws -> Outcome {
        note(message, "\(self.name) in")
        do {
            let outcome = try await next(message, context)
            note(message, "\(self.name) out \(outcome)")
            return outcome
        } catch {
            note(message, "\(self.name) out \(Outcome(thrown: error))")
            throw error
        }
    }

    func aroundSync(_ message: borrowing Message, _ context: JobContext, _ next: SyncNext) throws -> Outcome {
        note(message, "\(self.name) in")
        do {
            let outcome = try next(message, context)
            note(message, "\(self.name) out \(outcome)")
            return outcome
        } catch {
            note(message, "\(self.name) out \(Outcome(thrown: error))")
            throw error
        }
    }
}

private struct Cart: Codable, Sendable, Equatable {
    struct Item: Codable, Sendable, Equatable {
        var price: Int
    }

    var items: [Item]
}

private struct Sum: SyncTypedJobHandler {
    private let output: String

    init(_ options: HandlerOptions) throws { self.output = try options.string("output") }

    func handle(_ cart: Cart, _ message: borrowing Message, _ context: JobContext) throws -> Outcome {
        note(message, "handler")
        try context.publish(Publication(json: cart.items.map(\.price), routingKey: self.output))
        return .ack
    }
}

private struct AsyncSum: TypedJobHandler {
    private let inner: Sum

    init(_ options: HandlerOptions) throws { self.inner = try Sum(options) }

    func handle(_ cart: Cart, _ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
        await Task.yield()
        return try self.inner.handle(cart, message, context)
    }
}

private let plugin = MillracePlugin(
    name: "tests",
    middleware: [Layer(name: "outer"), TracingMiddleware(), Layer(name: "inner")],
    [.sync("tests.sum", Sum.self), .async("tests.sum_async", AsyncSum.self)]
)

/// Typed handlers and middleware on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"), .timeLimit(.minutes(10)))
struct TypedJobTests {
    private let input = Broker.unique("typed")
    private var output: String { self.input + ".out" }
    private var dead: String { self.input + ".dead" }

    private func jobFile(_ handler: String) throws -> JobFile {
        let text = """
            version: 1
            connection: { uri: "\(Broker.uri ?? "")" }
            queues:
              \(self.input): { dead_letter: { routing_key: \(self.dead) } }
              \(self.dead): {}
              \(self.output): {}
            jobs:
              work:
                queue: \(self.input)
                handler: \(handler)
                on_failure: retry
                retry: { max_attempts: 4, initial_interval: 20ms }
                with: { output: "\(self.output)" }
            """
        return try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
    }

    private func take(_ queue: String, on channel: Channel) throws -> [Delivery] {
        var all: [Delivery] = []
        while let delivery = try channel.get(queue, noAck: true) { all.append(delivery) }
        try channel.deleteQueue(queue)
        return all
    }

    /// Works off messages, each with its id and headers; gives the counts.
    private func run(_ handler: String, on channel: Channel, _ messages: [(body: String, headers: FieldTable)]) throws
        -> JobCounts
    {
        let file = try self.jobFile(handler)
        #expect(try file.declareTopology(logger: Broker.quiet).isEmpty)
        try channel.selectConfirms()
        for (index, message) in messages.enumerated() {
            var properties = BasicProperties()
            properties.messageID = "\(self.input).\(index)"
            properties.headers = message.headers
            try channel.publish(Array(message.body.utf8), routingKey: self.input, properties: properties)
        }
        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
        let supervisor = try TestSupervisor(file, [plugin.descriptor], once: true)
        #expect(supervisor.run() == .clean)
        return supervisor.counts
    }

    private func seen(_ index: Int) -> [String] { steps.withLock { $0["\(self.input).\(index)"] ?? [] } }

    @Test(arguments: ["tests.sum", "tests.sum_async"])
    func `a body that does not decode is dead after one attempt, with the error and its path`(handler: String) throws {
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        let wrong = #"{"items":[{"price":1},{"price":"two"}]}"#
        let counts = try self.run(handler, on: channel, [(wrong, [:]), (#"{"items":["#, [:])])
        #expect(counts.retried == 0)
        #expect(counts.rejected == 2)
        #expect(counts.acked == 0)
        let letters = try self.take(self.dead, on: channel).map { (String(decoding: $0.body, as: UTF8.self), $0) }
        let dead = Dictionary(uniqueKeysWithValues: letters)
        let path = "items[1].price: expected a whole number, got a string"
        let headers = try #require(try dead[wrong]?.properties.headers)
        #expect(headers["millrace-failure"] == "rejected")
        #expect(headers["millrace-attempt"]?.intValue == 1)
        #expect(headers["millrace-error"]?.stringValue == path)
        let syntax = "payload: not JSON at byte 10: expected a value, but the text ends"
        #expect(try dead[#"{"items":["#]?.properties.headers?["millrace-error"]?.stringValue == syntax)
        let around = ["outer in", "inner in", "inner out reject(\"\(path)\")", "outer out reject(\"\(path)\")"]
        #expect(self.seen(0) == around, "once, around a handler that is not reached")
        try self.remove(channel)
        connection.close()
    }

    @Test(arguments: ["tests.sum", "tests.sum_async"])
    func `middleware runs around the handler in its order, and the trace of the input goes on`(handler: String) throws {
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let body = #"{"items":[{"price":1},{"price":2}]}"#
        let trace: FieldTable = ["traceparent": .string(parent), "tracestate": "vendor=x", "private": "stays"]
        let counts = try self.run(handler, on: channel, [(body, trace)])
        #expect(counts.acked == 1)
        #expect(self.seen(0) == ["outer in", "inner in", "handler", "inner out ack", "outer out ack"])
        let outputs = try self.take(self.output, on: channel)
        #expect(outputs.map { String(decoding: $0.body, as: UTF8.self) } == ["[1,2]"])
        #expect(try outputs.first?.properties.contentType == "application/json")
        let headers = try #require(try outputs.first?.properties.headers)
        #expect(headers["traceparent"]?.stringValue == parent)
        #expect(headers["tracestate"]?.stringValue == "vendor=x")
        #expect(headers["private"] == nil)
        try self.remove(channel)
        connection.close()
    }

    private func remove(_ channel: Channel) throws {
        for queue in [self.input, self.output, self.dead] { try channel.deleteQueue(queue) }
    }
}
