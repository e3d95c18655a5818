import CMillraceABI
import MillraceHandler
import Testing

/// What the middleware that comes with it does around batches.
@Suite
struct BatchReportingTests {
    private static let plugin = MillracePlugin(
        name: "reporting",
        middleware: [TracingMiddleware(), LoggingMiddleware(), MetricsMiddleware()],
        [.batch("reporting.script", ScriptBatchHandler.self)]
    )

    private static func run(_ tokens: [FakeToken]) throws -> FakeHost {
        let host = FakeHost(jobName: "batches")
        try host.make(Self.plugin).beginBatch(tokens)
        #expect(tokens.allSatisfy { $0.completions.count == 1 })
        return host
    }

    /// The line with `duration=…` taken out, which has to be there.
    private static func withoutDuration(_ line: FakeHost.Line) throws -> String {
        let match = try #require(line.text.firstMatch(of: /\ duration=\d+\.\d{3}ms/))
        return line.text.replacing(match.output, with: "")
    }

    @Test func `a batch has a line with its counts, and each message that failed one of its own`() throws {
        let bodies = ["ack", "reject", "ack", "retry", "snooze", "forget", "unrecoverable"]
        let tokens = bodies.map { FakeToken(Array($0.utf8), attempt: 3) }
        let host = try Self.run(tokens)
        #expect(
            try host.lines.map(Self.withoutDuration) == [
                "job=batches batch=7 ack=2 retry=2 reject=2 snooze=1",
                #"job=batches attempt=3 outcome=reject reason="bad""#,
                #"job=batches attempt=3 outcome=retry reason="try ägain""#,
                #"job=batches attempt=3 outcome=retry reason="the handler gave no verdict for this message""#,
                #"job=batches attempt=3 outcome=reject reason="never any use""#,
            ]
        )
        let (info, warning, error) = (MILLRACE_INFO.rawValue, MILLRACE_WARNING.rawValue, MILLRACE_ERROR.rawValue)
        #expect(host.lines.map(\.level) == [info, error, warning, warning, error])
        #expect(host.lines.map(\.hasToken) == [false, true, true, true, true])
        #expect(
            host.metrics.filter { $0.name != "handler_batch_seconds" } == [
                .init(name: "handler_deliveries", kind: 0, value: 7),
                .init(name: "handler_outcome_ack", kind: 0, value: 2),
                .init(name: "handler_outcome_retry", kind: 0, value: 2),
                .init(name: "handler_outcome_reject", kind: 0, value: 2),
                .init(name: "handler_outcome_snooze", kind: 0, value: 1),
                .init(name: "handler_batch_messages", kind: 1, value: 7),
            ]
        )
        let seconds = try #require(host.metrics.first { $0.name == "handler_batch_seconds" })
        #expect(seconds.kind == 1)
        #expect((0..<60).contains(seconds.value))
    }

    @Test func `a batch that fails as a whole says so once, and its messages are counted when they come alone`() throws
    {
        let tokens = [FakeToken("ack"), FakeToken("all")]
        let host = try Self.run(tokens)
        #expect(
            try host.lines.map(Self.withoutDuration)
                == [#"job=batches batch=2 outcome=alone reason="the table is gone""#]
        )
        #expect(host.lines.map(\.level) == [MILLRACE_WARNING.rawValue])
        #expect(
            host.metrics.filter { $0.name != "handler_batch_seconds" } == [
                .init(name: "handler_batches_alone", kind: 0, value: 1),
                .init(name: "handler_batch_messages", kind: 1, value: 2),
            ]
        )
        let alone = FakeHost(jobName: "batches")
        try alone.make(Self.plugin).begin(FakeToken("all"))
        #expect(
            try alone.lines.map(Self.withoutDuration) == [
                "job=batches batch=1 retry=1", #"job=batches attempt=1 outcome=retry reason="the table is gone""#,
            ]
        )
        #expect(alone.metrics.map(\.name).prefix(2) == ["handler_deliveries", "handler_outcome_retry"])
    }

    @Test func `each message's trace goes to what is published for it, and into its line`() throws {
        let parents = [1, 2].map { "00-0af7651916cd43dd8448eb211c80319\($0)-b7ad6b7169203331-01" }
        let tokens = ["ack", "retry", "ack"].map { FakeToken($0) }
        for (token, parent) in zip(tokens, parents) { token.headers["traceparent"] = .string(parent) }
        let host = try Self.run(tokens)
        #expect(
            tokens.map { $0.publications.map(\.headers) } == [
                [["traceparent": .string(parents[0])]], [["traceparent": .string(parents[1])]], [[:]],
            ]
        )
        #expect(host.lines.map { $0.text.contains(" trace=0af7651916cd43dd8448eb211c803192") } == [false, true])
    }
}
