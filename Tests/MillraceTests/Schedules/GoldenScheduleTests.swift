import Millrace
import Testing

/// When expressions are due around changes of the clocks, against a table that another program has found minute by minute:
/// Fixtures/make_golden.py.
@Suite struct GoldenScheduleTests {
    private struct Line {
        let zone: String
        let expression: String
        let first: Int64
        let last: Int64
        let due: [Int64]
    }

    static let folder = JobFileFixture.package + "/Tests/MillraceTests/Schedules/Fixtures"
    static let zones = ["Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Australia/Sydney"]

    private static func lines(of zone: String) throws -> [Line] {
        let text = try #require(JobFileFixture.text(Self.folder + "/golden.txt"))
        return try text.split(separator: "\n").map { $0.split(separator: "|", omittingEmptySubsequences: false) }
            .filter { $0[0] == zone }.map { parts in
                let first = try #require(Int64(parts[2]))
                return Line(
                    zone: zone,
                    expression: String(parts[1]),
                    first: first,
                    last: try #require(Int64(parts[3])),
                    due: parts[4].split(separator: ",").compactMap { Int64($0) }.map { $0 + first }
                )
            }
    }

    @Test(arguments: zones)
    func `a schedule is due when the golden table says so, and at no other minute`(zone: String) throws {
        let table = try ZoneFolder(path: Self.folder + "/zoneinfo").zone(zone)
        let lines = try Self.lines(of: zone)
        #expect(lines.count > 180)
        for line in lines {
            let rule = ScheduleRule.cron(try CronExpression(line.expression), table)
            var (found, time) = ([Int64](), line.first * 60_000 - 1)
            while let next = rule.next(after: time, last: time), next <= line.last * 60_000 {
                found.append(next / 60_000)
                time = next
            }
            #expect(found == line.due, "\(zone) \(line.expression) from minute \(line.first)")
            // From within the stretch it is the same.
            let middle = (line.first + line.last) / 2 * 60_000 + 30_500
            #expect(
                rule.next(after: middle, last: 0).map { $0 / 60_000 } ?? .max >= line.due.first { $0 * 60_000 > middle }
                    ?? 0
            )
            #expect(
                rule.last(after: line.first * 60_000 - 1, upTo: middle).map { $0 / 60_000 }
                    == line.due.last { $0 * 60_000 <= middle }
            )
        }
    }

    @Test func `the table has each change of the clocks from 2024 to 2030, and years for which there is a rule alone`()
        throws
    {
        for zone in Self.zones {
            let table = try ZoneFolder(path: Self.folder + "/zoneinfo").zone(zone)
            let stretches = try Self.lines(of: zone).filter { $0.expression == "30 2 * * *" }.map { $0.first...$0.last }
            for year in Array(2024...2030) + [2037, 2038, 2061] {
                let begin = Int64(CivilDay(year: year, month: 1, day: 1).number) * 86_400
                var segment = table.segment(at: begin)
                var changes = 0
                while segment.end < begin + 365 * 86_400 {
                    changes += 1
                    #expect(stretches.contains { $0.contains(segment.end / 60) }, "\(zone) \(year)")
                    segment = table.segment(at: segment.end)
                }
                #expect(changes == 2, "\(zone) \(year)")
            }
        }
    }
}
