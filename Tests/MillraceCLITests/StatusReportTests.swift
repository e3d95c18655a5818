import Foundation
import Millrace
import Testing

@testable import MillraceCLI

/// What `--report` writes.
@Suite struct StatusReportTests {
    private static func job(_ name: String, _ state: JobState, reason: String? = nil) -> JobStatus {
        var counts = JobCounts()
        counts.received = 3
        return JobStatus(
            name: name,
            queue: "q",
            state: state,
            threads: 2,
            consuming: 1,
            inHand: 0,
            counts: counts,
            reason: reason
        )
    }

    @Test func `every count is there, and why a job does not run`() {
        let text = StatusReport.text([Self.job("a", .running), Self.job("b", .failed("\"no\""), reason: "\"no\"")])
        #expect(text.hasPrefix(StatusReport.beginning + "{\"a\":{\"queue\":\"q\",\"state\":\"running\",\"threads\":2"))
        #expect(text.hasSuffix("\n"))
        for count in JobCounts().all {
            #expect(text.components(separatedBy: "\"\(count.name)\":").count == 3, "\(count.name)")
        }
        #expect(text.components(separatedBy: "\"reason\":").count == 2)
        #expect(text.contains("\"reason\":\"\\\"no\\\"\"}"))
        #expect(!text.contains("left_in_memory"))
    }

    @Test func `what was left in memory stands beside the jobs`() {
        let text = StatusReport.text([Self.job("a", .running)], left: [("q", 0), ("q.dead", 2)])
        #expect(text.hasSuffix(",\"left_in_memory\":{\"q\":0,\"q.dead\":2}}\n"), "\(text)")
    }
}
