import CMillraceABI
import MillraceHandler
import Testing

@Suite
struct TraceContextTests {
    private static let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func `a good traceparent gives its fields`() throws {
        let context = try #require(TraceContext(traceparent: Self.good))
        #expect(context.traceID == "0af7651916cd43dd8448eb211c80319c")
        #expect(context.parentID == "b7ad6b7169203331")
        #expect(context.flags == 1)
        #expect(context.isSampled)
        #expect(context.state == nil)
        #expect(context.traceparent == Self.good)
    }

    @Test(arguments: [
        "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", "\(good)-00", "\(good)x", " \(good)", "\(good) ",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0A",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "FF-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0å",
    ])
    func `a malformed traceparent is none`(text: String) {
        #expect(TraceContext(traceparent: text, tracestate: "a=1") == nil)
    }

    @Test(arguments: [
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-brings",
    ])
    func `a later version is read as far as it is known and sent on as version 00`(text: String) {
        #expect(TraceContext(traceparent: text)?.traceparent == Self.good)
    }

    @Test(
        arguments: [("00", 0), ("01", 1), ("02", 2), ("03", 3), ("ff", 3), ("fe", 2), ("08", 0)] as [(String, UInt8)]
    )
    func `flags that mean nothing are 0`(text: String, flags: UInt8) {
        let context = TraceContext(traceparent: String(Self.good.dropLast(2)) + text)
        #expect(context?.flags == flags)
        #expect(context?.isSampled == (flags & 1 == 1))
        #expect(context?.traceparent == String(Self.good.dropLast(2)) + "0\(flags)")
    }

    @Test(arguments: [
        "congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a=1 ,\t b=2,,", "0tenant@system=x",
        "a-b_c*d/e=f",
        "a= !\"#~", (0..<32).map { "k\($0)=v" }.joined(separator: ","),
        String(repeating: "k", count: 256) + "=" + String(repeating: "v", count: 256),
    ])
    func `a tracestate goes on as it came`(text: String) {
        #expect(TraceContext(traceparent: Self.good, tracestate: text)?.state == text)
    }

    @Test(arguments: [
        "", ",", "a", "=1", "a=", "A=1", "a=1,a=2", "a=1=2", "-a=1", "a b=1", "a=å", "a=\u{1}", "a=1;b,c",
        (0..<33).map { "k\($0)=v" }.joined(separator: ","), String(repeating: "k", count: 257) + "=v",
        "k=" + String(repeating: "v", count: 257),
    ])
    func `a malformed tracestate is left out, and the traceparent stays`(text: String) throws {
        let context = try #require(TraceContext(traceparent: Self.good, tracestate: text))
        #expect(context.state == nil)
    }

    /// Publishes one message, and one with a trace of its own.
    struct Publishing: SyncJobHandler {
        static let own = "00-11111111111111111111111111111111-2222222222222222-00"
        init(_ options: HandlerOptions) throws {}

        func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
            try context.publish([], routingKey: "a")
            var publication = Publication([], routingKey: "b")
            publication.headers["traceparent"] = .string(Self.own)
            try context.publish(publication)
            return context.trace.map { .discard($0.traceID) } ?? .ack
        }
    }

    private static func run(_ headers: [String: FakeToken.Value]) throws -> FakeToken {
        let plugin = MillracePlugin(
            name: "tracing",
            middleware: [TracingMiddleware()],
            [.sync("tracing.now", Publishing.self)]
        )
        let token = FakeToken("")
        token.headers = headers
        try FakeHost().make(plugin).begin(token)
        try #require(token.publications.count == 2)
        return token
    }

    @Test func `the headers of a message go on to what its handler publishes`() throws {
        let token = try Self.run([
            "traceparent": .string(Self.good), "tracestate": .string("congo=1"), "x": .bool(true),
        ])
        #expect(
            token.publications[0].headers == ["traceparent": .string(Self.good), "tracestate": .string("congo=1")]
        )
        #expect(
            token.publications[1].headers == ["traceparent": .string(Publishing.own)],
            "another trace has no use for this one's state"
        )
        #expect(token.completions == [.init(MILLRACE_DISCARD, reason: "0af7651916cd43dd8448eb211c80319c")])
    }

    @Test func `a bad tracestate stays behind`() throws {
        let token = try Self.run(["traceparent": .string(Self.good), "tracestate": .string("Congo=1")])
        #expect(token.publications[0].headers == ["traceparent": .string(Self.good)])
    }

    @Test(
        arguments: [nil, .string("00-nonsense"), .integer(7), .bytes(Array(good.utf8)), .table] as [FakeToken.Value?]
    )
    func `without a valid traceparent nothing goes on`(value: FakeToken.Value?) throws {
        var headers: [String: FakeToken.Value] = ["tracestate": .string("congo=1")]
        headers["traceparent"] = value
        let token = try Self.run(headers)
        #expect(token.publications[0].headers == [:])
        #expect(token.completions == [.init(MILLRACE_ACK)])
    }
}
