import Millrace
import Testing

@testable import MillraceCLI

@Suite struct StatusTableTests {
    private static func job(_ name: String, _ change: (inout JobCounts) -> Void = { _ in }) -> JobStatus {
        var counts = JobCounts()
        change(&counts)
        return JobStatus(
            name: name,
            queue: "q",
            state: .running,
            threads: 4,
            consuming: 3,
            inHand: 7,
            oldestInHand: .milliseconds(12_900),
            counts: counts
        )
    }

    @Test func `counts that are 0 everywhere are left out, but for two`() {
        let jobs = [Self.job("orders") { $0.acked = 12 }, Self.job("mails") { $0.lost = 1 }]
        #expect(
            StatusText.table(jobs, time: "2026-11-29T16:24:00.000Z", rates: ["orders": 3.6]) == """
                2026-11-29T16:24:00.000Z
                job     state    consuming  in hand  oldest  per s  acked  retried  lost
                ------------------------------------------------------------------------
                orders  running        3/4        7     12s      4     12        0     0
                mails   running        3/4        7     12s      -      0        0     1


                """
        )
    }

    @Test func `it fits eighty columns, and names what it has no room for`() {
        let text = StatusText.table(
            [
                Self.job("a-job-with-a-name") { counts in
                    counts.received = 1_000_000
                    counts.acked = 900_000
                    counts.rejected = 1
                    counts.retried = 2
                    counts.snoozed = 3
                    counts.lost = 4
                }
            ],
            time: "now"
        )
        let lines = text.split(separator: "\n")
        #expect(lines.dropLast().allSatisfy { $0.count <= 80 })
        #expect(lines.last == "no room for: received 1000000, rejected 1, snoozed 3, lost 4")
    }

    @Test func `a rate is what was settled since the look before`() {
        var rates = SettledRates()
        let rates1 = rates.next([Self.job("a") { $0.acked = 100 }], now: 5_000_000_000)
        #expect(rates1.isEmpty)
        let jobs = [
            Self.job("a") {
                $0.acked = 150; $0.retried = 10
            }, Self.job("b"),
        ]
        let rates2 = rates.next(jobs, now: 7_000_000_000)
        #expect(rates2 == ["a": 30])
        let rates3 = rates.next(jobs, now: 7_000_000_000)
        #expect(rates3.isEmpty)
        let rates4 = rates.next(jobs, now: 8_000_000_000)
        #expect(rates4 == ["a": 0, "b": 0])
    }
}
