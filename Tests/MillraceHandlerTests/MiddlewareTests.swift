import CMillraceABI
import MillraceHandler
import Testing

@Suite
struct MiddlewareTests {
    /// Notes what passes, under the job's name, and does what the header `NAME` says.
    struct Noting: SyncMiddleware {
        let name: String

        func around(_ message: borrowing Message, _ context: JobContext, _ next: Next) async throws -> Outcome {
            Gates.note(context.jobName, "\(self.name) in")
            if message.header(self.name) == .string("stop here") { return .discard("by \(self.name)") }
            if message.header(self.name) == .string("throw") { throw TestError(description: "in \(self.name)") }
            await Task.yield()
            do {
                let outcome = try await next(message, context)
                Gates.note(context.jobName, "\(self.name) out \(outcome)")
                return message.header(self.name) == .string("requeue") ? .requeue : outcome
            } catch {
                Gates.note(context.jobName, "\(self.name) error \(error)")
                throw error
            }
        }

        func aroundSync(_ message: borrowing Message, _ context: JobContext, _ next: SyncNext) throws -> Outcome {
            Gates.note(context.jobName, "\(self.name) in")
            if message.header(self.name) == .string("stop here") { return .discard("by \(self.name)") }
            if message.header(self.name) == .string("throw") { throw TestError(description: "in \(self.name)") }
            do {
                let outcome = try next(message, context)
                Gates.note(context.jobName, "\(self.name) out \(outcome)")
                return message.header(self.name) == .string("requeue") ? .requeue : outcome
            } catch {
                Gates.note(context.jobName, "\(self.name) error \(error)")
                throw error
            }
        }
    }

    /// The same, but it may wait, so all around it may.
    struct Waiting: Middleware {
        let noting: Noting

        func around(_ message: borrowing Message, _ context: JobContext, _ next: Next) async throws -> Outcome {
            await Task.yield()
            return try await self.noting.around(message, context, next)
        }
    }

    /// Does what the body says, and notes it.
    struct Handler: SyncJobHandler {
        init(_ options: HandlerOptions) throws {}

        func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
            Gates.note(context.jobName, "handler")
            if message.bodyText == "throw" { throw Unrecoverable("spoilt") }
            return .ack
        }
    }

    struct AsyncHandler: JobHandler {
        private let handler: Handler

        init(_ options: HandlerOptions) throws { self.handler = try Handler(options) }

        func handle(_ message: borrowing Message, _ context: JobContext) async throws -> Outcome {
            await Task.yield()
            return try self.handler.handle(message, context)
        }
    }

    private static let handlers: [HandlerDefinition] = [
        .sync("m.now", Handler.self), .async("m.later", AsyncHandler.self),
    ]
    private static let quick = MillracePlugin(
        name: "quick",
        middleware: [Noting(name: "a"), Noting(name: "b")],
        handlers
    )
    private static let slow = MillracePlugin(
        name: "slow",
        middleware: [Noting(name: "a"), Waiting(noting: Noting(name: "b"))],
        handlers
    )
    private static let cases: [(MillracePlugin, Int)] = [(quick, 0), (quick, 1), (slow, 0), (slow, 1)]

    private static func run(_ index: Int, _ name: String, _ token: FakeToken) throws -> [String] {
        let (plugin, handler) = Self.cases[index]
        let host = FakeHost(jobName: "\(name) \(index)")
        try host.make(plugin, handler).begin(token)
        #expect(host.steps.run { !token.completions.isEmpty })
        host.steps.runAll()
        #expect(token.completions.count == 1)
        return Gates.notes(host.jobName)
    }

    @Test func `a sync handler stays sync while nothing around it waits`() throws {
        func flags(_ plugin: MillracePlugin) throws -> [UInt32] {
            try (0..<2).map { try #require(plugin.descriptor.pointee.handlers[$0]).pointee.flags }
        }
        let isAsync = UInt32(MILLRACE_HANDLER_ASYNC)
        #expect(try flags(Self.quick) == [0, isAsync])
        #expect(try flags(Self.slow) == [isAsync, isAsync])
        let host = FakeHost(jobName: "stays sync")
        let token = FakeToken("")
        try host.make(Self.quick).begin(token)
        #expect(token.completions == [.init(MILLRACE_ACK)], "before begin returns, without a step")
    }

    @Test(arguments: cases.indices)
    func `the first is outermost`(index: Int) throws {
        let token = FakeToken("")
        #expect(try Self.run(index, "order", token) == ["a in", "b in", "handler", "b out ack", "a out ack"])
        #expect(token.completions == [.init(MILLRACE_ACK)])
    }

    @Test func `middleware of one handler runs inside the plugin's, and around no other`() throws {
        let plugin = MillracePlugin(
            name: "some",
            middleware: [Noting(name: "a")],
            [.sync("m.wrapped", Handler.self).wrapped(in: [Noting(name: "b")]), .sync("m.bare", Handler.self)]
        )
        let host = FakeHost(jobName: "wrapped handler")
        for index in 0..<2 { try host.make(plugin, index).begin(FakeToken("")) }
        #expect(
            Gates.notes(host.jobName)
                == ["a in", "b in", "handler", "b out ack", "a out ack", "a in", "handler", "a out ack"]
        )
    }

    @Test(arguments: cases.indices)
    func `who does not call next answers for the handler`(index: Int) throws {
        let token = FakeToken("")
        token.headers["b"] = .string("stop here")
        #expect(try Self.run(index, "short", token) == ["a in", "b in", #"a out discard("by b")"#])
        #expect(token.completions == [.init(MILLRACE_DISCARD, reason: "by b")])
    }

    @Test(arguments: cases.indices)
    func `an outcome can be replaced on its way out`(index: Int) throws {
        let token = FakeToken("")
        token.headers["b"] = .string("requeue")
        let notes = ["a in", "b in", "handler", "b out ack", "a out requeue"]
        #expect(try Self.run(index, "replace", token) == notes)
        #expect(token.completions == [.init(MILLRACE_REQUEUE)])
    }

    @Test(arguments: cases.indices)
    func `errors pass through, the handler's and the middleware's own`(index: Int) throws {
        let spoilt = FakeToken("throw")
        #expect(
            try Self.run(index, "handler throws", spoilt)
                == ["a in", "b in", "handler", "b error spoilt", "a error spoilt"]
        )
        #expect(spoilt.completions == [.init(MILLRACE_REJECT, reason: "spoilt")])
        let own = FakeToken("")
        own.headers["b"] = .string("throw")
        #expect(try Self.run(index, "middleware throws", own) == ["a in", "b in", "a error in b"])
        #expect(own.completions == [.init(MILLRACE_RETRY, reason: "in b")])
    }

    /// Adds a header to whatever is published.
    struct Stamp: SyncMiddleware {
        let headers: [String: HeaderValue]

        func around(_ message: borrowing Message, _ context: JobContext, _ next: Next) async throws -> Outcome {
            try await next(message, context.addingHeaders(self.headers))
        }

        func aroundSync(_ message: borrowing Message, _ context: JobContext, _ next: SyncNext) throws -> Outcome {
            try next(message, context.addingHeaders(self.headers))
        }
    }

    struct Publishing: SyncJobHandler {
        init(_ options: HandlerOptions) throws {}

        func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
            var publication = Publication([], routingKey: "q")
            publication.headers["own"] = .integer(1)
            try context.publish(publication)
            return .ack
        }
    }

    @Test func `of headers added to publications the inner win, and a publication's own over all`() throws {
        let plugin = MillracePlugin(
            name: "stamp",
            middleware: [
                Stamp(headers: ["x": .string("outer"), "y": .bool(true)]),
                Stamp(headers: ["x": .string("inner"), "own": .integer(2)]),
            ],
            [.sync("stamp.now", Publishing.self)]
        )
        let token = FakeToken("")
        try FakeHost(jobName: "stamp").make(plugin).begin(token)
        #expect(token.publications.first?.headers == ["x": .string("inner"), "y": .bool(true), "own": .integer(1)])
    }

    @Test func `an async handler can be cancelled through middleware`() throws {
        let plugin = MillracePlugin(
            name: "cancelled",
            middleware: [Noting(name: "a")],
            [.async("cancelled.here", WaitingHandler.self)]
        )
        let host = FakeHost(jobName: "cancel in the middle")
        let instance = try host.make(plugin)
        let token = FakeToken("until cancelled")
        instance.begin(token)
        host.steps.runAll()
        instance.cancel(token)
        #expect(Gates.open(host.jobName) == 1)
        #expect(host.steps.run { !token.completions.isEmpty })
        #expect(token.completions == [.init(MILLRACE_REQUEUE)])
    }
}
