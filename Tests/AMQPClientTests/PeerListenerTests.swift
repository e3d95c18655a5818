import TestSupport
import Testing

@Suite struct PeerListenerTests {
    /// A known issue is matched only in the task that expects it.
    @Test func `what a script records belongs to the test that runs it`() {
        withKnownIssue {
            let error = try Scripted.failure { _ in Issue.record("by the script") }
            #expect(error != nil)
        }
    }
}
