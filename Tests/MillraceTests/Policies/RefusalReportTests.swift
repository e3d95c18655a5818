import Millrace
import Testing

/// How much the log says of refused outputs.
@Suite struct RefusalReportTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `one line when it begins, one now and then, one when it is over`() {
        var report = RefusalReport()
        #expect(report.isQuiet)
        #expect(report.refused(0, now: 5) == nil)
        #expect(report.refused(3, now: 5) == .began)
        var lines: [RefusalReport.Line] = []
        var now: UInt64 = 5
        for _ in 0..<1000 {
            now += Self.second / 10
            #expect(report.refused(10, now: now) == nil)
            if let line = report.look(isWaiting: true, now: now) { lines.append(line) }
        }
        #expect(
            lines == [
                .goesOn(refusals: 3003, nanoseconds: 30 * Self.second),
                .goesOn(refusals: 6003, nanoseconds: 60 * Self.second),
                .goesOn(refusals: 9003, nanoseconds: 90 * Self.second),
            ]
        )
        #expect(report.look(isWaiting: false, now: now) == nil)
        #expect(report.deadline(isWaiting: false) == now + RefusalReport.quiet)
        now += RefusalReport.quiet
        #expect(report.look(isWaiting: false, now: now) == .over(refusals: 10_003, nanoseconds: now - 5))
        #expect(report.isQuiet)
        #expect(report.deadline(isWaiting: false) == nil)
        #expect(report.refused(1, now: now) == .began)
    }

    @Test func `what comes and goes each moment is one trouble`() {
        var report = RefusalReport()
        var lines = report.refused(1, now: 0) == nil ? 0 : 1
        for step in 1..<1000 {
            let now = UInt64(step) * Self.second / 10
            if step % 2 == 0, report.refused(1, now: now) != nil { lines += 1 }
            if report.look(isWaiting: step % 2 == 0, now: now) != nil { lines += 1 }
        }
        #expect(lines == 4)
    }
}
