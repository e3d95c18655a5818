import Millrace
import MillraceTesting
import Testing

@testable import MillraceTestRun

/// What is left of a run that has ended.
@Suite(.timeLimit(.minutes(2))) struct ReleaseTests {
    @Test func `a supervisor that has ended is let go, with all that it had`() async throws {
        weak var supervisor: Supervisor?
        do {
            let run = try await TestRun(yaml: RunPlugin.file("threads: 2"), plugins: [RunPlugin.descriptor])
            try await run.publish("in", "x")
            try await run.settle()
            supervisor = run.supervisor
            #expect(supervisor != nil)
            await run.stop()
        }
        #expect(supervisor == nil)
    }
}
