import CMillraceABI
import MillraceHandler
import Testing

@Suite struct HoldJobTests {
    @Test func `a hold comes with its time and reason, and what it returns puts the message back`() throws {
        let token = FakeToken("")
        let host = try ClosureHandler.run("hold", token) { _, context in
            context.holdJob(for: .milliseconds(1500), reason: "429, ü")
        }
        #expect(host.holds.map(\.time) == [1_500_000_000] && host.holds.map(\.reason) == ["429, ü"])
        #expect(token.completions == [.init(MILLRACE_REQUEUE)])
    }

    @Test func `times are from a millisecond to a day, and the handler may end as it likes`() throws {
        let token = FakeToken("")
        let host = try ClosureHandler.run("hold bounds", token) { _, context in
            for time in [.zero, .seconds(-1), .seconds(Int64.max), .seconds(86_401)] as [Duration] {
                context.holdJob(for: time, reason: "")
            }
            return .ack
        }
        #expect(host.holds.map(\.time) == [1_000_000, 1_000_000, 86_400_000_000_000, 86_400_000_000_000])
        #expect(token.completions == [.init(MILLRACE_ACK)])
    }

    @Test func `a host that is too old puts the message alone off, and says so`() throws {
        let token = FakeToken("")
        let host = try ClosureHandler.run("hold old", token, table: FakeHost.firstTable) { _, context in
            let outcome = context.holdJob(for: .seconds(30), reason: "429")
            #expect(outcome == .snooze(.seconds(30)))
            return outcome
        }
        #expect(host.holds.isEmpty && host.lines.map(\.level) == [MILLRACE_WARNING.rawValue])
        #expect(token.completions.map(\.kind) == [MILLRACE_SNOOZE.rawValue])
    }
}
