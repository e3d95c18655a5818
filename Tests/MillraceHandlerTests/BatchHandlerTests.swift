import CMillraceABI
import MillraceHandler
import Testing

/// Runs a closure per batch, looked up by the job's name.
private struct ClosureBatches: BatchHandler {
    typealias Body = (borrowing MessageBatch, BatchContext) throws -> BatchVerdicts
    // nonisolated(unsafe): each test has a key of its own, and `lock` guards the table.
    nonisolated(unsafe) private static var bodies: [String: Body] = [:]
    private static let lock = Lock()

    init(_ options: HandlerOptions) throws {}

    func handle(_ batch: borrowing MessageBatch, _ context: BatchContext) throws -> BatchVerdicts {
        let name = context.jobName
        guard let body = Self.lock.locked({ Self.bodies[name] }) else { return batch.all(.stop("no closure")) }
        return try body(batch, context)
    }

    static func set(_ name: String, _ body: @escaping Body) { Self.lock.locked { Self.bodies[name] = body } }
}

private let plugin = MillracePlugin(name: "batches", [.batch("batches.closure", ClosureBatches.self)])

/// What a batch handler says reaches the host, message by message.
@Suite
struct BatchHandlerTests {
    private let name = "job-\(UInt64.random(in: 0...UInt64.max))"

    /// One batch through the handler.
    private func run(_ tokens: [FakeToken], _ body: @escaping ClosureBatches.Body) throws -> FakeHost {
        ClosureBatches.set(self.name, body)
        let host = FakeHost(jobName: self.name)
        try host.make(plugin).beginBatch(tokens)
        return host
    }

    private func tokens(_ count: Int) -> [FakeToken] { (0..<count).map { FakeToken("m\($0)") } }

    @Test func `the descriptor says that it takes batches, and an ordinary handler's does not`() throws {
        let handler = try #require(plugin.descriptor.pointee.handlers[0]).pointee
        #expect(handler.flags == UInt32(MILLRACE_HANDLER_BATCH))
        #expect(handler.begin_batch != nil)
        let other = MillracePlugin(name: "one", [.sync("one.script", ScriptHandler.self)])
        #expect(try #require(other.descriptor.pointee.handlers[0]).pointee.begin_batch == nil)
    }

    @Test func `each message has its own outcome, whatever the order in which they are given`() throws {
        let tokens = self.tokens(4)
        _ = try self.run(tokens) { batch, _ in
            var verdicts = batch.verdicts()
            verdicts[3] = .requeue
            verdicts[1] = .reject("bad")
            verdicts[0] = .snooze(.milliseconds(5))
            #expect(verdicts.open == [2])
            return verdicts.rest(.ack)
        }
        #expect(
            tokens.map(\.completions) == [
                [.init(MILLRACE_SNOOZE, delay: 5_000_000)], [.init(MILLRACE_REJECT, reason: "bad")],
                [.init(MILLRACE_ACK)], [.init(MILLRACE_REQUEUE)],
            ]
        )
        #expect(tokens.flatMap(\.wrongSizes).isEmpty)
    }

    @Test func `a message without a verdict is a failure of its own, with a reason`() throws {
        let tokens = self.tokens(3)
        _ = try self.run(tokens) { batch, _ in
            var verdicts = batch.verdicts()
            verdicts[0] = .ack
            verdicts[2] = .ack
            return verdicts
        }
        let forgotten = FakeToken.Completion(MILLRACE_RETRY, reason: "the handler gave no verdict for this message")
        #expect(tokens.map(\.completions) == [[.init(MILLRACE_ACK)], [forgotten], [.init(MILLRACE_ACK)]])
    }

    @Test func `a sheet of another batch says nothing about this one`() throws {
        let kept = Lock()
        var sheet: BatchVerdicts?
        _ = try self.run(self.tokens(2)) { batch, _ in
            let verdicts = batch.all(.ack)
            kept.locked { sheet = verdicts }
            return verdicts
        }
        let tokens = self.tokens(3)
        _ = try self.run(tokens) { batch, _ in kept.locked { sheet } ?? batch.verdicts() }
        #expect(tokens.allSatisfy { $0.completions.map(\.kind) == [MILLRACE_RETRY.rawValue] })
    }

    @Test func `a message is read through the batch, and publishes for itself`() throws {
        let tokens = [FakeToken(Array("a".utf8), routingKey: "x"), FakeToken(Array("bc".utf8), routingKey: "y")]
        tokens[1].headers["h"] = .integer(7)
        var seen: [String] = []
        _ = try self.run(tokens) { batch, _ in
            for index in batch.indices {
                let text = batch[index].bodyText ?? "?"
                seen.append("\(text) \(batch[index].routingKey) \(batch[index].header("h") == .integer(7))")
                try batch.context(at: index).publish(Array("out \(text)".utf8), routingKey: "o")
            }
            return batch.all(.ack)
        }
        #expect(seen == ["a x false", "bc y true"])
        #expect(
            tokens.map { $0.publications.map { String(decoding: $0.body, as: UTF8.self) } } == [["out a"], ["out bc"]]
        )
    }

    @Test func `what the closure of verdicts throws is that message's failure, not the batch's`() throws {
        let tokens = self.tokens(4)
        _ = try self.run(tokens) { batch, _ in
            batch.verdicts { message, _ in
                switch message.bodyText {
                case "m1": throw TestError(description: "no room")
                case "m2": throw Unrecoverable("no sense")
                default: return .ack
                }
            }
        }
        #expect(
            tokens.map(\.completions) == [
                [.init(MILLRACE_ACK)], [.init(MILLRACE_RETRY, reason: "no room")],
                [.init(MILLRACE_REJECT, reason: "no sense")], [.init(MILLRACE_ACK)],
            ]
        )
    }

    @Test func `a batch that throws asks for each of its messages alone`() throws {
        let tokens = self.tokens(3)
        _ = try self.run(tokens) { _, _ in throw Unrecoverable("the table is gone") }
        let alone = FakeToken.Completion(MILLRACE_ALONE, reason: "the table is gone")
        #expect(tokens.map(\.completions) == [[alone], [alone], [alone]])
    }

    @Test(arguments: [true, false])
    func `what a batch of one throws is its message's failure`(_ isAlone: Bool) throws {
        ClosureBatches.set(self.name) { batch, _ in
            #expect(batch.count == 1)
            throw batch[0].bodyText == "m0" ? TestError(description: "try again") : Unrecoverable("never")
        }
        let host = FakeHost(jobName: self.name)
        let instance = try host.make(plugin)
        let tokens = self.tokens(2)
        for token in tokens { if isAlone { instance.begin(token) } else { instance.beginBatch([token]) } }
        #expect(tokens[0].completions == [.init(MILLRACE_RETRY, reason: "try again")])
        #expect(tokens[1].completions == [.init(MILLRACE_REJECT, reason: "never")])
    }

    @Test func `the batch's context logs without a message, and hears of the timeout`() throws {
        let tokens = self.tokens(2)
        tokens[0].isCancelled = true
        var heard: Bool?
        let host = try self.run(tokens) { batch, context in
            context.log(.warning, "late")
            context.count("rows", by: 2)
            context.record("seconds", 0.5)
            heard = context.isCancelled
            return batch.all(.ack)
        }
        #expect(heard == true)
        #expect(host.lines == [.init(level: 2, text: "late", hasToken: false)])
        #expect(host.metrics == [.init(name: "rows", kind: 0, value: 2), .init(name: "seconds", kind: 1, value: 0.5)])
    }
}
