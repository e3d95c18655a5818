import Millrace
import TestSupport
import Testing

@Suite struct FailureReportTests {
    private static let second = FailureReport.window

    @Test func `few failures have a line each, and no sum`() {
        var report = FailureReport()
        for time in 1...50 {
            let now = UInt64(time) * Self.second
            for _ in 0..<FailureReport.lines {
                let hasLine = report.failed(isFinal: time % 2 == 0, now: now)
                #expect(hasLine)
            }
            let step1 = report.look(now: now)
            #expect(report.isQuiet && report.deadline == nil && step1 == nil)
        }
    }

    @Test func `many have lines up to the limit, of each kind, and then a sum a second`() {
        var report = FailureReport()
        let now = 5 * Self.second
        let lines = (0..<100).count { _ in report.failed(isFinal: false, now: now) }
        let final = (0..<30).count { _ in report.failed(isFinal: true, now: now + 1) }
        #expect(lines == FailureReport.lines && final == FailureReport.lines)
        #expect(report.deadline == now + Self.second)
        let step2 = report.look(now: now + Self.second - 1)
        #expect(step2 == nil)
        let step3 = report.look(now: now + Self.second)
        #expect(step3 == .init(again: 90, final: 20))
        let step4 = report.look(now: now + 9 * Self.second)
        #expect(report.isQuiet && step4 == nil)
        // The next second begins with the sum.
        let step5 = report.failed(isFinal: true, now: now + Self.second + 1)
        #expect(step5)
    }

    @Test func `random failures: each is said once, by itself or in a sum`() {
        for seed in UInt64(1)...200 {
            var generator = Seed(seed)
            var report = FailureReport()
            var (now, failed, said, lines) = (Self.second, 0, 0, 0)
            for _ in 0..<500 {
                now += UInt64.random(in: 0...30_000_000, using: &generator)
                let isFinal = Bool.random(using: &generator)
                failed += 1
                if report.failed(isFinal: isFinal, now: now) { lines += 1 }
                if Bool.random(using: &generator), let sum = report.look(now: now) { said += sum.again + sum.final }
            }
            if let sum = report.look(now: now + Self.second) { said += sum.again + sum.final }
            #expect(lines + said == failed)
            #expect(lines <= 2 * FailureReport.lines * (Int(now / Self.second) + 1))
        }
    }

    @Test func `a sum is not put off by failures that go on`() {
        var report = FailureReport()
        let now = 5 * Self.second
        for _ in 0..<100 { _ = report.failed(isFinal: false, now: now) }
        // They come before somebody has looked.
        let hasLine = report.failed(isFinal: false, now: now + Self.second)
        #expect(!hasLine)
        #expect(report.deadline == now + Self.second)
        let sum = report.look(now: now + Self.second)
        #expect(sum == .init(again: 91))
    }
}
