import CMillraceABI
import MillraceHandler
import Testing

@Suite
struct ReportingMiddlewareTests {
    private static let plugin = MillracePlugin(
        name: "reporting",
        middleware: [TracingMiddleware(), LoggingMiddleware(), MetricsMiddleware()],
        [.sync("reporting.now", ScriptHandler.self), .async("reporting.later", AsyncScript.self)]
    )

    struct AsyncScript: JobHandler {
        private let handler: ScriptHandler
        init(_ options: HandlerOptions) throws { self.handler = try ScriptHandler(options) }

        func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
            await Task.yield()
            return try self.handler.handle(message, context)
        }
    }

    private static let outcomes: [(body: String, outcome: String, level: UInt32)] = [
        ("ack", "ack", MILLRACE_INFO.rawValue), ("retry", "retry", MILLRACE_WARNING.rawValue),
        ("throw", "retry", MILLRACE_WARNING.rawValue),
        ("reject", "reject", MILLRACE_ERROR.rawValue), ("unrecoverable", "reject", MILLRACE_ERROR.rawValue),
        ("requeue", "requeue", MILLRACE_INFO.rawValue), ("snooze", "snooze", MILLRACE_INFO.rawValue),
        ("discard", "discard", MILLRACE_INFO.rawValue), ("stop", "stop", MILLRACE_ERROR.rawValue),
    ]

    private static func run(_ handler: Int, _ token: FakeToken) throws -> FakeHost {
        let host = FakeHost(jobName: "reports")
        try host.make(Self.plugin, handler).begin(token)
        #expect(host.steps.run { !token.completions.isEmpty })
        host.steps.runAll()
        return host
    }

    @Test(arguments: [0, 1], outcomes.indices)
    func `one line and three numbers for each delivery`(handler: Int, index: Int) throws {
        let expected = Self.outcomes[index]
        let token = FakeToken(Array(expected.body.utf8), attempt: 3)
        let host = try Self.run(handler, token)
        try #require(host.lines.count == 1)
        let line = host.lines[0]
        #expect(line.level == expected.level)
        #expect(line.hasToken)
        let words = line.text.split(separator: " ").map(String.init)
        try #require(words.count >= 4)
        #expect(words[..<3] == ["job=reports", "attempt=3", "outcome=\(expected.outcome)"])
        let duration = try #require(words[3].split(separator: "=").last)
        #expect(words[3].hasPrefix("duration=") && duration.hasSuffix("ms"))
        #expect(Double(duration.dropLast(2)).map { $0 >= 0 } == true)
        #expect(duration.split(separator: ".").last?.count == 5, "microseconds, and ms")
        #expect(!line.text.contains("trace="))
        #expect(
            host.metrics.dropLast() == [
                .init(name: "handler_deliveries", kind: 0, value: 1),
                .init(name: "handler_outcome_\(expected.outcome)", kind: 0, value: 1),
            ]
        )
        #expect(host.metrics.last?.name == "handler_seconds")
        #expect(host.metrics.last?.kind == 1)
        #expect(host.metrics.last.map { (0..<60).contains($0.value) } == true)
    }

    @Test func `a reason ends the line and stays in it`() throws {
        let host = try Self.run(0, FakeToken("unrecoverable"))
        #expect(host.lines.first?.text.hasSuffix(#" reason="never any use""#) == true)
    }

    @Test func `the trace is in the line when there is one`() throws {
        let token = FakeToken("ack")
        token.headers["traceparent"] = .string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        let host = try Self.run(0, token)
        #expect(host.lines.first?.text.hasSuffix(" trace=0af7651916cd43dd8448eb211c80319c") == true)
    }

    @Test func `the level of what went well can be chosen`() throws {
        let plugin = MillracePlugin(
            name: "quiet",
            middleware: [LoggingMiddleware(level: .debug)],
            [.sync("quiet.now", ScriptHandler.self)]
        )
        let host = FakeHost()
        let instance = try host.make(plugin)
        for body in ["ack", "retry"] { instance.begin(FakeToken(body)) }
        #expect(host.lines.map(\.level) == [MILLRACE_DEBUG.rawValue, MILLRACE_WARNING.rawValue])
    }
}
