import CMillraceABI
import Glibc
import MillraceHandler
import Testing

@Suite
struct AsyncHandlerTests {
    private static let plugin = MillracePlugin(name: "waiting", [.async("waiting.here", WaitingHandler.self)])

    @Test func `ten deliveries wait at once and all run on the worker's thread`() throws {
        let host = FakeHost(jobName: "ten")
        let instance = try host.make(Self.plugin)
        let tokens = (0..<10).map { _ in FakeToken("ack") }
        for token in tokens { instance.begin(token) }
        host.steps.runAll()
        let here = pthread_self()
        #expect(Gates.notes("ten") == (1...10).map { "begin \($0) on \(here)" })
        #expect(tokens.allSatisfy { $0.completions.isEmpty })
        #expect(Gates.open("ten") == 10)
        #expect(host.steps.run { tokens.allSatisfy { !$0.completions.isEmpty } })
        host.steps.runAll()
        #expect(tokens.allSatisfy { $0.completions == [.init(MILLRACE_ACK)] })
        #expect(Gates.notes("ten").dropFirst(10) == (1...10).reversed().map { "end \($0) on \(here)" }[...])
    }

    @Test func `a wait that ends on another thread goes on on the worker's`() throws {
        let host = FakeHost(jobName: "elsewhere")
        let instance = try host.make(Self.plugin)
        let token = FakeToken("ack")
        instance.begin(token)
        host.steps.runAll()
        var thread = pthread_t()
        let started = pthread_create(
            &thread,
            nil,
            { _ in
                _ = Gates.open("elsewhere")
                return nil
            },
            nil
        )
        try #require(started == 0)
        #expect(host.steps.run { !token.completions.isEmpty })
        pthread_join(thread, nil)
        #expect(token.completions == [.init(MILLRACE_ACK)])
        #expect(Gates.notes("elsewhere").allSatisfy { $0.hasSuffix(" on \(pthread_self())") })
    }

    @Test func `each await is one more step in the worker's queue`() throws {
        let host = FakeHost(jobName: "yields")
        let instance = try host.make(Self.plugin)
        let tokens = [FakeToken("yield"), FakeToken("yield")]
        for token in tokens { instance.begin(token) }
        host.steps.runAll()
        #expect(tokens.allSatisfy { $0.completions == [.init(MILLRACE_ACK)] })
        let kinds = Gates.notes("yields").map { $0.prefix(5) }
        #expect(kinds == ["begin", "begin", "end 2", "end 1"], "the second begins while the first waits")
    }

    @Test func `cancel reaches the task of its token alone`() throws {
        let host = FakeHost(jobName: "cancel")
        let instance = try host.make(Self.plugin)
        let cancelled = FakeToken("until cancelled")
        let other = FakeToken("until cancelled")
        instance.begin(cancelled)
        instance.begin(other)
        host.steps.runAll()
        instance.cancel(cancelled)
        #expect(Gates.open("cancel") == 2)
        #expect(host.steps.run { !cancelled.completions.isEmpty && !other.completions.isEmpty })
        host.steps.runAll()
        #expect(cancelled.completions == [.init(MILLRACE_REQUEUE)])
        #expect(other.completions == [.init(MILLRACE_REJECT, reason: "not cancelled")])
    }

    @Test func `cancel of a token that is not in hand does nothing`() throws {
        let host = FakeHost(jobName: "late cancel")
        let instance = try host.make(Self.plugin)
        let token = FakeToken("yield")
        instance.begin(token)
        host.steps.runAll()
        instance.cancel(token)
        host.steps.runAll()
        #expect(token.completions == [.init(MILLRACE_ACK)])
    }

    @Test func `a token may come again as soon as it is complete`() throws {
        let host = FakeHost(jobName: "again")
        let instance = try host.make(Self.plugin)
        let token = FakeToken("until cancelled")
        instance.begin(token)
        host.steps.runAll()
        instance.cancel(token)
        _ = Gates.open("again")
        host.steps.runAll()
        let next = FakeToken("ack")
        instance.begin(next)
        host.steps.runAll()
        _ = Gates.open("again")
        host.steps.runAll()
        #expect(token.completions == [.init(MILLRACE_REQUEUE)])
        #expect(next.completions == [.init(MILLRACE_ACK)])
    }
}
