import Millrace
import Testing

/// What a job file may say about timeouts.
@Suite struct TimeoutRuleTests {
    private func problems(_ lines: String...) -> [String] {
        JobFileFixture.problems(JobFileFixture.withJob(lines.joined(separator: "\n    "))).map(\.message)
    }

    @Test func `kill_timeout is read, and never unless given`() throws {
        let text = JobFileFixture.withJob("timeout: 1s\n    kill_timeout: 2s")
        #expect(try JobFileFixture.parse(text).jobs.first?.killTimeout == .seconds(2))
        #expect(try JobFileFixture.parse(JobFileFixture.withJob("timeout: 1s")).jobs.first?.killTimeout == nil)
    }

    @Test(arguments: ["1s", "500ms"])
    func `kill_timeout comes after timeout`(kill: String) {
        let problems = self.problems("timeout: 1s", "kill_timeout: \(kill)")
        #expect(problems.count == 1)
        #expect(problems.first?.contains("is not after 'timeout'") == true)
    }

    @Test func `kill_timeout has nothing to give back without acks`() {
        let problems = self.problems("ack: none", "kill_timeout: 2s")
        #expect(problems.count == 1)
        #expect(problems.first?.contains("nothing to give back") == true)
    }
}
