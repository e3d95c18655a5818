import CMillraceABI
import MillraceHandler
import Testing

@Suite
struct TypedHandlerTests {
    struct Work: Codable, Equatable {
        let name: String
        let count: Int
    }

    struct Sync: SyncTypedJobHandler {
        init(_ options: HandlerOptions) throws { _ = try options.int("number", default: 0) }

        func handle(_ payload: Work, _ message: borrowing Message, _ context: JobContext) throws -> Outcome {
            if payload.name == "throw" { throw TestError(description: "no luck") }
            try context.publish(Publication(json: payload, routingKey: message.routingKey))
            return .ack
        }
    }

    struct Async: TypedJobHandler {
        init(_ options: HandlerOptions) throws { _ = try options.int("number", default: 0) }

        func handle(_ payload: Work, _ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
            await Task.yield()
            if payload.name == "throw" { throw TestError(description: "no luck") }
            try context.publish(Publication(json: payload, routingKey: message.routingKey))
            return .ack
        }
    }

    private static let plugin = MillracePlugin(
        name: "typed",
        [.sync("typed.now", Sync.self), .async("typed.later", Async.self)]
    )

    private static func run(_ index: Int, _ token: FakeToken) throws {
        let host = FakeHost(jobName: "typed \(index)")
        try host.make(Self.plugin, index).begin(token)
        #expect(host.steps.run { !token.completions.isEmpty })
        host.steps.runAll()
    }

    @Test func `the flags are those of the handler`() throws {
        let handlers = try (0..<2).map { try #require(Self.plugin.descriptor.pointee.handlers[$0]).pointee }
        #expect(handlers.map(\.flags) == [0, UInt32(MILLRACE_HANDLER_ASYNC)])
    }

    @Test(arguments: [0, 1])
    func `the payload, the message and the context arrive`(index: Int) throws {
        let token = FakeToken(Array(#"{"count":3,"name":"å"}"#.utf8), routingKey: "key")
        try Self.run(index, token)
        #expect(token.completions == [.init(MILLRACE_ACK)])
        #expect(token.publications.map(\.body) == [Array(#"{"name":"å","count":3}"#.utf8)])
        #expect(token.publications.first?.texts == ["routing_key": "key", "content_type": "application/json"])
    }

    @Test(arguments: [0, 1])
    func `what does not decode is a reject and never reaches the handler`(index: Int) throws {
        let token = FakeToken(#"{"name":"throw","count":"3"}"#)
        try Self.run(index, token)
        let reason = "count: expected a whole number, got a string"
        #expect(token.completions == [.init(MILLRACE_REJECT, reason: reason)])
    }

    @Test(arguments: [0, 1])
    func `what the handler throws is a retry`(index: Int) throws {
        let token = FakeToken(#"{"name":"throw","count":3}"#)
        try Self.run(index, token)
        #expect(token.completions == [.init(MILLRACE_RETRY, reason: "no luck")])
    }

    @Test(arguments: [0, 1])
    func `options are the handler's own`(index: Int) {
        let refusal = #expect(throws: FakeHost.Refusal.self) {
            try FakeHost().make(Self.plugin, index, options: #"{"number":""}"#)
        }
        #expect(refusal?.text == "option 'number' must be a whole number")
    }
}
