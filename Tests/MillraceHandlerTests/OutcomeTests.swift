import CMillraceABI
import MillraceHandler
import Testing

@Suite
struct OutcomeTests {
    private static let outcomes: [(String, FakeToken.Completion)] = [
        ("ack", .init(MILLRACE_ACK)),
        ("retry", .init(MILLRACE_RETRY, reason: "try ägain")),
        ("reject", .init(MILLRACE_REJECT, reason: "bad")),
        ("requeue", .init(MILLRACE_REQUEUE)),
        ("snooze", .init(MILLRACE_SNOOZE, delay: 1_500_000_000)),
        ("snooze past", .init(MILLRACE_SNOOZE, delay: 0)),
        ("snooze long", .init(MILLRACE_SNOOZE, delay: .max)),
        ("discard", .init(MILLRACE_DISCARD, reason: "old")),
        ("stop", .init(MILLRACE_STOP, reason: "full")),
        ("empty reason", .init(MILLRACE_REJECT)),
        ("throw", .init(MILLRACE_RETRY, reason: "the disk is füll")),
        ("unrecoverable", .init(MILLRACE_REJECT, reason: "never any use")),
    ]
    private static let plugin = MillracePlugin(
        name: "outcomes",
        [.sync("outcomes.now", ScriptHandler.self), .async("outcomes.later", WaitingHandler.self)]
    )

    @Test(arguments: outcomes.indices)
    func `a sync handler completes once, before begin returns`(index: Int) throws {
        let (body, expected) = Self.outcomes[index]
        let host = FakeHost()
        let instance = try host.make(Self.plugin)
        let token = FakeToken(body)
        instance.begin(token)
        #expect(token.completions == [expected])
        #expect(token.wrongSizes.isEmpty)
    }

    @Test(arguments: outcomes.indices)
    func `an async handler completes once, when it has waited`(index: Int) throws {
        let (body, expected) = Self.outcomes[index]
        let host = FakeHost(jobName: "async outcome \(index)")
        let instance = try host.make(Self.plugin, 1)
        let token = FakeToken(body)
        instance.begin(token)
        host.steps.runAll()
        #expect(token.completions.isEmpty, "it waits")
        #expect(Gates.open(host.jobName) == 1)
        #expect(host.steps.run { !token.completions.isEmpty })
        host.steps.runAll()
        #expect(token.completions == [expected])
        #expect(token.wrongSizes.isEmpty)
    }

    @Test func `one instance takes delivery after delivery, on the same token's memory too`() throws {
        let host = FakeHost()
        let instance = try host.make(Self.plugin)
        let token = FakeToken("ack")
        for _ in 0..<3 { instance.begin(token) }
        #expect(token.completions.count == 3)
    }
}
