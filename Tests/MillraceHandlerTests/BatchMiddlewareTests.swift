import CMillraceABI
import MillraceHandler
import Testing

/// Does for each message what its body says; one that says `all` fails the whole batch.
struct ScriptBatchHandler: BatchHandler {
    init(_ options: HandlerOptions) throws {}

    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
        Gates.note(context.jobName, "handler \(batch.count)")
        for index in batch.indices where batch[index].bodyText == "all" {
            throw TestError(description: "the table is gone")
        }
        return try batch.verdicts { message, context in
            if message.bodyText == "forget" { return .ack }
            try context.publish(Array("out \(message.bodyText ?? "")".utf8), routingKey: "out")
            return try outcome(message.bodyText)
        }.forgetting(batch)
    }
}

extension BatchVerdicts {
    /// The sheet with no verdict for those that say so.
    fileprivate func forgetting(_ batch: borrowing MessageBatch) throws -> BatchVerdicts {
        var verdicts = self
        for index in batch.indices where batch[index].bodyText == "forget" { verdicts[index] = nil }
        return verdicts
    }
}

@Suite
struct BatchMiddlewareTests {
    /// Notes what passes, and settles what its header says.
    struct Noting: BatchMiddleware {
        let name: String

        func around(_ message: borrowing Message, _ context: JobContext, _ next: Next) async throws -> Outcome {
            try await next(message, context)
        }

        func aroundBatch(
            _ batch: borrowing MessageBatch,
            _ context: BatchContext,
            _ next: BatchNext
        ) throws -> BatchVerdicts {
            Gates.note(context.jobName, "\(self.name) in \(batch.count)")
            do {
                let verdicts = try next(batch, context) { message in
                    switch message.header(self.name) {
                    case .string("discard"): .discard("by \(self.name)")
                    case .string("throw"): throw Unrecoverable("by \(self.name)")
                    default: nil
                    }
                }
                Gates.note(context.jobName, "\(self.name) out \(verdicts.count)")
                return verdicts
            } catch {
                Gates.note(context.jobName, "\(self.name) error \(error)")
                throw error
            }
        }
    }

    /// Adds a header to what is published for each message.
    struct Stamp: BatchMiddleware {
        let value: String

        func around(_ message: borrowing Message, _ context: JobContext, _ next: Next) async throws -> Outcome {
            try await next(message, context)
        }

        func aroundBatch(
            _ batch: borrowing MessageBatch,
            _ context: BatchContext,
            _ next: BatchNext
        ) throws -> BatchVerdicts {
            let stamped = batch.changingContexts { message, context in
                context.addingHeaders(["stamp": .string("\(self.value) \(message.bodyText ?? "")")])
            }
            return try next(stamped, context)
        }
    }

    /// Answers every batch with the first one's sheet.
    // @unchecked Sendable: used by one worker alone.
    final class Stale: BatchMiddleware, @unchecked Sendable {
        private var first: BatchVerdicts?

        func around(_ message: borrowing Message, _ context: JobContext, _ next: Next) async throws -> Outcome { .ack }

        func aroundBatch(
            _ batch: borrowing MessageBatch,
            _ context: BatchContext,
            _ next: BatchNext
        ) throws -> BatchVerdicts {
            let verdicts = try self.first ?? next(batch, context)
            self.first = verdicts
            return verdicts
        }
    }

    private let name = "job-\(UInt64.random(in: 0...UInt64.max))"

    private func make(_ middleware: any Middleware...) throws -> FakeInstance {
        let plugin = MillracePlugin(
            name: "wrapped",
            middleware: middleware,
            [.batch("wrapped.script", ScriptBatchHandler.self)]
        )
        return try FakeHost(jobName: self.name).make(plugin)
    }

    @Test func `it runs once for a batch, the first outermost, and the batch stays one that does not wait`() throws {
        let tokens = [FakeToken("ack"), FakeToken("retry")]
        try self.make(Noting(name: "a"), Noting(name: "b")).beginBatch(tokens)
        #expect(Gates.notes(self.name) == ["a in 2", "b in 2", "handler 2", "b out 2", "a out 2"])
        let ends = [[FakeToken.Completion(MILLRACE_ACK)], [.init(MILLRACE_RETRY, reason: "try ägain")]]
        #expect(tokens.map(\.completions) == ends, "before begin_batch returns")
    }

    @Test func `who is settled does not go on, and everybody's verdict is his own`() throws {
        let tokens = ["requeue", "ack", "reject", "ack", "snooze"].map { FakeToken($0) }
        tokens[1].headers["a"] = .string("discard")
        tokens[2].headers["b"] = .string("throw")
        try self.make(Stamp(value: "s"), Noting(name: "a"), Noting(name: "b")).beginBatch(tokens)
        #expect(Gates.notes(self.name) == ["a in 5", "b in 4", "handler 3", "b out 4", "a out 5"])
        #expect(
            tokens.map(\.completions) == [
                [.init(MILLRACE_REQUEUE)], [.init(MILLRACE_DISCARD, reason: "by a")],
                [.init(MILLRACE_REJECT, reason: "by b")], [.init(MILLRACE_ACK)],
                [.init(MILLRACE_SNOOZE, delay: 1_500_000_000)],
            ]
        )
        let published = tokens.map { $0.publications.map { "\(text($0.body)) \($0.headers["stamp"] ?? .table)" } }
        let stamp = { (body: String) in #"out \#(body) string("s \#(body)")"# }
        #expect(published == [[stamp("requeue")], [], [], [stamp("ack")], [stamp("snooze")]])
    }

    @Test func `where all are settled the handler is not called`() throws {
        let tokens = [FakeToken("ack"), FakeToken("ack")]
        for token in tokens { token.headers["a"] = .string("discard") }
        try self.make(Noting(name: "a"), Noting(name: "b")).beginBatch(tokens)
        #expect(Gates.notes(self.name) == ["a in 2", "a out 2"])
        #expect(tokens.map(\.completions) == Array(repeating: [.init(MILLRACE_DISCARD, reason: "by a")], count: 2))
    }

    @Test func `contexts that are changed twice carry both, and the inner wins`() throws {
        let token = FakeToken("ack")
        try self.make(Stamp(value: "outer"), Stamp(value: "inner")).beginBatch([token])
        #expect(token.publications.map(\.headers) == [["stamp": .string("inner ack")]])
    }

    @Test func `a batch that throws passes through it, and so does each of its messages when it comes alone`() throws {
        let instance = try self.make(Noting(name: "a"))
        let tokens = [FakeToken("ack"), FakeToken("all")]
        instance.beginBatch(tokens)
        let alone = FakeToken.Completion(MILLRACE_ALONE, reason: "the table is gone")
        #expect(tokens.map(\.completions) == [[alone], [alone]])
        let again = FakeToken("ack")
        instance.begin(again)
        #expect(again.completions == [.init(MILLRACE_ACK)])
        let notes = ["a in 2", "handler 2", "a error the table is gone", "a in 1", "handler 1", "a out 1"]
        #expect(Gates.notes(self.name) == notes)
    }

    @Test func `a sheet that middleware gives for another batch is no verdict`() throws {
        let instance = try self.make(Noting(name: "a"), Stale())
        let tokens = ["ack", "ack", "ack"].map { FakeToken($0) }
        instance.beginBatch(Array(tokens[..<2]))
        instance.beginBatch(Array(tokens[2...]))
        let none = FakeToken.Completion(MILLRACE_RETRY, reason: "the handler gave no verdict for this message")
        #expect(tokens.map(\.completions) == [[.init(MILLRACE_ACK)], [.init(MILLRACE_ACK)], [none]])
    }

    /// Middleware that nobody has told of batches.
    struct Guard: SyncMiddleware {
        func around(_ message: borrowing Message, _ context: JobContext, _ next: Next) async throws -> Outcome {
            .reject("not let in")
        }

        func aroundSync(_ message: borrowing Message, _ context: JobContext, _ next: SyncNext) throws -> Outcome {
            .reject("not let in")
        }
    }

    @Test func `a batch handler that middleware would leave out is not made, its neighbours are`() throws {
        let plugin = MillracePlugin(
            name: "guarded",
            middleware: [LoggingMiddleware(), Guard()],
            [.batch("guarded.all", ScriptBatchHandler.self), .sync("guarded.one", ScriptHandler.self)]
        )
        let host = FakeHost(jobName: self.name)
        let reason =
            "'guarded.all' takes batches, and middleware Guard would not run around it; give it an "
            + "'aroundBatch' (BatchMiddleware), or wrap only the other handlers in it"
        #expect(throws: FakeHost.Refusal(text: reason, code: 1)) { try host.make(plugin) }
        let token = FakeToken("ack")
        try host.make(plugin, 1).begin(token)
        #expect(token.completions == [.init(MILLRACE_REJECT, reason: "not let in")])
    }
}

private func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }
