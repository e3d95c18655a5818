import CMillraceABI
import MillraceHandler
import MillraceTracing
import Testing
import Tracing

/// Spans around handlers, with a tracer of the test's own: nothing is bootstrapped for the process.
@Suite struct SpanMiddlewareTests {
    /// Publishes the span that is current here, without a wait or, in its async form, before and after one.
    struct Speaking: SyncJobHandler {
        init(_ options: HandlerOptions) throws {}

        func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
            try context.publish(current, routingKey: "out")
            return try outcome(message.bodyText)
        }
    }

    struct Waiting: JobHandler {
        init(_ options: HandlerOptions) throws {}

        func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
            let before = current
            await Gates.wait(context.jobName)
            try context.publish(before, routingKey: "before")
            try context.publish(current, routingKey: "after")
            return try outcome(message.bodyText)
        }
    }

    /// Speaks of its own trace, whatever the message's is.
    struct Stubborn: SyncJobHandler {
        static let own = "00-11111111111111111111111111111111-2222222222222222-00"

        init(_ options: HandlerOptions) throws {}

        func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
            var publication = Publication([], routingKey: "out")
            publication.headers["traceparent"] = .string(Self.own)
            try context.publish(publication)
            return .discard(context.trace?.traceparent ?? "no trace")
        }
    }

    private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    /// One delivery through the handler of this index.
    private static func run(
        _ token: FakeToken,
        index: Int = 0,
        jobName: String = "job",
        _ middleware: any Middleware...
    ) throws -> FakeHost {
        let host = FakeHost(jobName: jobName)
        let plugin = MillracePlugin(name: "spans", middleware: middleware, Self.handlers)
        let instance = try host.make(plugin, index)
        instance.begin(token)
        host.steps.runAll()
        if index == 1 {
            #expect(Gates.open(jobName) == 1)
            #expect(host.steps.run { !token.completions.isEmpty })
            host.steps.runAll()
        }
        try #require(token.completions.count == 1)
        return host
    }

    private static let handlers: [HandlerDefinition] = [
        .sync("spans.now", Speaking.self), .async("spans.later", Waiting.self), .sync("spans.stubborn", Stubborn.self),
    ]

    @Test(arguments: [(0, "spans now"), (1, "spans later")])
    func `a span of kind consumer is the publisher's child, and what is published is the span's`(
        index: Int,
        job: String
    ) throws {
        let tracer = RecordingTracer()
        let token = FakeToken("")
        token.headers = ["traceparent": .string(Self.parent), "tracestate": .string("congo=1"), "other": .bool(true)]
        _ = try Self.run(token, index: index, jobName: job, SpanMiddleware(tracer: tracer))
        let span = try #require(tracer.book.all.first)
        #expect(tracer.book.all.count == 1)
        #expect(span.name == "process \(job)")
        #expect(span.kind == .consumer)
        #expect(span.ends == 1)
        #expect(span.parent?.traceparent == Self.parent)
        let own = "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-01"
        #expect(span.own?.traceparent == own)
        #expect(!token.publications.isEmpty)
        for publication in token.publications {
            #expect(publication.headers == ["traceparent": .string(own), "tracestate": .string("congo=1")])
            #expect(publication.body == Array(own.utf8), "it is current in the handler")
        }
        #expect(ServiceContext.current == nil)
    }

    @Test(
        arguments: [
            nil, .string("00-nonsense"), .integer(7), .table, .bytes([0xFF]),
            .string("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
        ] as [FakeToken.Value?]
    )
    func `without a valid traceparent a new trace begins`(value: FakeToken.Value?) throws {
        let tracer = RecordingTracer()
        let token = FakeToken("")
        token.headers["traceparent"] = value
        _ = try Self.run(token, SpanMiddleware(tracer: tracer))
        #expect(tracer.book.all.map(\.parent) == [nil])
        let own = "00-00000000000000000000000000000001-0000000000000001-01"
        #expect(token.publications.map(\.headers) == [["traceparent": .string(own)]])
    }

    @Test func `a context that was sent as octets is taken over too`() throws {
        let tracer = RecordingTracer()
        let token = FakeToken("")
        token.headers["traceparent"] = .bytes(Array(Self.parent.utf8))
        _ = try Self.run(token, SpanMiddleware(tracer: tracer))
        #expect(tracer.book.all.map(\.parent?.traceparent) == [Self.parent])
    }

    @Test func `ten deliveries that wait at once keep their spans apart`() throws {
        let tracer = RecordingTracer()
        let host = FakeHost(jobName: "spans apart")
        let instance = try host.make(
            MillracePlugin(name: "spans", middleware: [SpanMiddleware(tracer: tracer)], Self.handlers),
            1
        )
        let tokens = (0..<10).map { number in
            let token = FakeToken("")
            token.headers["traceparent"] = .string(Self.parent.replacing("0af7", with: "0af\(number)"))
            return token
        }
        for token in tokens { instance.begin(token) }
        host.steps.runAll()
        #expect(tracer.book.all.map(\.ends) == [Int](repeating: 0, count: 10))
        #expect(Gates.open("spans apart") == 10)
        #expect(host.steps.run { tokens.allSatisfy { !$0.completions.isEmpty } })
        host.steps.runAll()
        let spans = tracer.book.all
        #expect(spans.map(\.ends) == [Int](repeating: 1, count: 10))
        for token in tokens {
            let mine = spans.filter { span in
                token.headers["traceparent"] == span.parent.map { FakeToken.Value.string($0.traceparent) }
            }
            let own = try #require(mine.first?.own?.traceparent)
            #expect(mine.count == 1)
            #expect(
                token.publications.map(\.body) == [Array(own.utf8), Array(own.utf8)],
                "before the wait, and after it"
            )
            #expect(
                token.publications.map(\.headers) == [["traceparent": .string(own)], ["traceparent": .string(own)]]
            )
        }
        withExtendedLifetime(instance) {}
    }

    // MARK: What it says

    @Test func `attributes are those of the conventions, where there are values`() throws {
        let tracer = RecordingTracer()
        let full = FakeToken(Array("12345".utf8), exchange: "shop", routingKey: "orders.new", attempt: 3)
        full.properties = [
            MILLRACE_MESSAGE_ID.rawValue: .string("m-1"), MILLRACE_CORRELATION_ID.rawValue: .string("c-1"),
        ]
        _ = try Self.run(full, SpanMiddleware(tracer: tracer))
        let bare = FakeToken("")
        _ = try Self.run(bare, SpanMiddleware(tracer: tracer))
        let named = FakeToken([], exchange: "", routingKey: "orders")
        _ = try Self.run(named, SpanMiddleware(tracer: tracer))
        let always: SpanAttributes = [
            "messaging.system": "rabbitmq", "messaging.operation.name": "process",
            "messaging.operation.type": "process", "millrace.job": "job", "millrace.outcome": "ack",
        ]
        let own: [SpanAttributes] = [
            [
                "messaging.destination.name": "shop:orders.new",
                "messaging.rabbitmq.destination.routing_key": "orders.new", "messaging.message.id": "m-1",
                "messaging.message.conversation_id": "c-1", "messaging.message.body.size": 5, "millrace.attempt": 3,
            ],
            [
                "messaging.destination.name": "amq.default", "messaging.message.body.size": 0, "millrace.attempt": 1,
            ],
            [
                "messaging.destination.name": "orders", "messaging.rabbitmq.destination.routing_key": "orders",
                "messaging.message.body.size": 0, "millrace.attempt": 1,
            ],
        ]
        #expect(tracer.book.all.count == own.count)
        for (span, own) in zip(tracer.book.all, own) {
            var expected = always
            expected.merge(own)
            #expect(byName(span.attributes) == byName(expected))
        }
    }

    @Test(
        arguments: [0, 1],
        [
            ("ack", "ack", nil, nil, []), ("requeue", "requeue", nil, nil, []), ("snooze", "snooze", nil, nil, []),
            ("discard", "discard", nil, nil, []),
            ("retry", "retry", "retry", "try ägain", []), ("reject", "reject", "reject", "bad", []),
            ("stop", "stop", "stop", "full", []),
            ("throw", "retry", "MillraceHandlerTests.TestError", "the disk is füll", ["the disk is füll"]),
            ("unrecoverable", "reject", "MillraceHandler.Unrecoverable", "never any use", ["never any use"]),
        ] as [(String, String, String?, String?, [String])]
    )
    func `what fails the message is the span's status, and what was thrown is recorded`(
        index: Int,
        _ example: (body: String, outcome: String, type: String?, reason: String?, errors: [String])
    ) throws {
        let tracer = RecordingTracer()
        let token = FakeToken(example.body)
        _ = try Self.run(token, index: index, jobName: "\(index) \(example.body)", SpanMiddleware(tracer: tracer))
        let span = try #require(tracer.book.all.first)
        #expect(span.attributes["millrace.outcome"]?.toSpanAttribute() == .string(example.outcome))
        #expect(span.attributes["error.type"]?.toSpanAttribute() == example.type.map { .string($0) })
        #expect(span.status == example.reason.map { SpanStatus(code: .error, message: $0) })
        #expect(span.errors == example.errors)
        #expect(span.ends == 1)
    }

    // MARK: Beside others

    @Test func `the handler's own header wins, and the trace it is told of is the span's`() throws {
        let token = FakeToken("")
        token.headers = ["traceparent": .string(Self.parent), "tracestate": .string("congo=1")]
        _ = try Self.run(token, index: 2, SpanMiddleware(tracer: RecordingTracer()))
        #expect(token.publications.map(\.headers) == [["traceparent": .string(Stubborn.own)]])
        let own = "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-01"
        #expect(token.completions == [.init(MILLRACE_DISCARD, reason: own)])
    }

    @Test func `middleware inside names the trace, and what was propagated outside is replaced with its state`() throws
    {
        let token = FakeToken("")
        token.headers = ["traceparent": .string(Self.parent), "tracestate": .string("congo=1")]
        let host = try Self.run(
            token,
            TracingMiddleware(),
            SpanMiddleware(tracer: RecordingTracer(keepsState: false)),
            LoggingMiddleware()
        )
        #expect(host.lines.map(\.text).first?.contains("trace=0af7651916cd43dd8448eb211c80319c") == true)
        let own = "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-01"
        #expect(token.publications.map(\.headers) == [["traceparent": .string(own)]])
    }

    @Test func `without a tracer nothing is changed`() throws {
        let token = FakeToken("")
        token.headers = ["traceparent": .string(Self.parent)]
        _ = try Self.run(token, TracingMiddleware(), SpanMiddleware())
        #expect(token.publications.map(\.headers) == [["traceparent": .string(Self.parent)]])
        #expect(token.completions == [.init(MILLRACE_ACK)])
    }

    @Test func `the plugin of the guide works without a tracer too`() throws {
        let token = FakeToken("discard")
        let host = FakeHost()
        try host.make(tracedPlugin).begin(token)
        #expect(token.completions == [.init(MILLRACE_DISCARD, reason: "old")])
        #expect(host.lines.count == 1)
    }
}

let tracedPlugin = MillracePlugin(
    name: "traced",
    middleware: [SpanMiddleware(), LoggingMiddleware()],
    [.sync("traced.script", ScriptHandler.self), .async("traced.waiting", WaitingHandler.self)]
)

/// The span that is current here.
private var current: [UInt8] { Array((ServiceContext.current?.traceContext?.traceparent ?? "none").utf8) }

private func byName(_ attributes: SpanAttributes) -> [String: SpanAttribute] {
    var values: [String: SpanAttribute] = [:]
    attributes.forEach { values[$0] = $1 }
    return values
}
