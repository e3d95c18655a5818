import CMillraceABI
import MillraceHandler
import MillraceTracing
import Testing
import Tracing

/// Spans around batches, with a tracer of the test's own.
@Suite struct SpanBatchTests {
    private static let parents = [1, 2].map { "00-0af7651916cd43dd8448eb211c80319\($0)-b7ad6b7169203331-01" }

    /// Publishes for each message the span that is current here.
    struct Speaking: BatchHandler {
        init(_ options: HandlerOptions) throws {}

        func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
            for index in batch.indices where batch[index].bodyText == "all" { throw TestError(description: "gone") }
            return batch.verdicts { message, context in
                let current = ServiceContext.current?.traceContext?.traceparent ?? "none"
                try context.publish(Array("\(current) \(context.trace?.traceparent ?? "")".utf8), routingKey: "out")
                return try outcome(message.bodyText)
            }
        }
    }

    private static func run(_ tokens: [FakeToken], _ middleware: any Middleware...) throws {
        let plugin = MillracePlugin(
            name: "spans",
            middleware: middleware,
            [.batch("spans.batch", Speaking.self)]
        )
        let host = FakeHost(jobName: "batches")
        try host.make(plugin).beginBatch(tokens)
        #expect(tokens.allSatisfy { $0.completions.count == 1 })
    }

    @Test func `a batch is one span, linked to its messages' publishers, and what it publishes is the span's`() throws {
        let tracer = RecordingTracer()
        let tokens = ["ack", "snooze", "ack"].map { FakeToken($0) }
        for (token, parent) in zip(tokens, Self.parents) { token.headers["traceparent"] = .string(parent) }
        try Self.run(tokens, SpanMiddleware(tracer: tracer))
        let span = try #require(tracer.book.all.first)
        #expect(tracer.book.all.count == 1)
        #expect(span.name == "process batches")
        #expect(span.kind == .consumer)
        #expect(span.ends == 1)
        #expect(span.parent == nil)
        #expect(span.links == Self.parents, "the third message has no context, and so no link")
        #expect(span.status == nil)
        let own = "00-00000000000000000000000000000001-0000000000000001-01"
        for token in tokens {
            #expect(token.publications.map(\.headers) == [["traceparent": .string(own)]])
            #expect(token.publications.map(\.body) == [Array("\(own) \(own)".utf8)], "it is current in the handler")
        }
        #expect(ServiceContext.current == nil)
        let expected: [String: SpanAttribute] = [
            "messaging.system": "rabbitmq", "messaging.operation.name": "process",
            "messaging.operation.type": "process", "messaging.batch.message_count": 3, "millrace.job": "batches",
            "millrace.outcomes.ack": 2, "millrace.outcomes.snooze": 1,
        ]
        var said: [String: SpanAttribute] = [:]
        span.attributes.forEach { said[$0] = $1 }
        #expect(said == expected)
    }

    @Test func `the first message that failed gives the span its status`() throws {
        let tracer = RecordingTracer()
        try Self.run(["ack", "reject", "retry"].map { FakeToken($0) }, SpanMiddleware(tracer: tracer))
        let span = try #require(tracer.book.all.first)
        #expect(span.status == SpanStatus(code: .error, message: "bad"))
        #expect(span.attributes["error.type"]?.toSpanAttribute() == "reject")
        #expect(span.errors == [])
    }

    @Test(arguments: [(1, "retry"), (2, "alone")])
    func `a batch that throws is recorded`(count: Int, outcome: String) throws {
        let tracer = RecordingTracer()
        try Self.run((0..<count).map { _ in FakeToken("all") }, SpanMiddleware(tracer: tracer))
        let span = try #require(tracer.book.all.first)
        #expect(span.errors == ["gone"])
        #expect(span.status == SpanStatus(code: .error, message: "gone"))
        #expect(span.attributes["millrace.outcomes.\(outcome)"]?.toSpanAttribute() == .int64(Int64(count)))
        #expect(span.ends == 1)
    }

    @Test func `without a tracer nothing is changed`() throws {
        let token = FakeToken("ack")
        token.headers["traceparent"] = .string(Self.parents[0])
        try Self.run([token], TracingMiddleware(), SpanMiddleware())
        #expect(token.publications.map(\.headers) == [["traceparent": .string(Self.parents[0])]])
    }
}
