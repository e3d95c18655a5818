import Millrace
import Testing

@Suite struct CronExpressionTests {
    /// Monday, 2026-03-02 00:00 UTC.
    private static let monday: Int64 = 1_772_409_600_000

    private static func next(_ text: String, count: Int = 3) throws -> [String] {
        let rule = ScheduleRule.cron(try CronExpression(text), .utc)
        var (times, time) = ([String](), Self.monday - 1)
        while times.count < count, let next = rule.next(after: time, last: time) {
            times.append(TickTime.text(next, offset: 0))
            time = next
        }
        return times
    }

    private static let good: [(String, [String])] = [
        ("0 0 * * *", ["2026-03-02T00:00Z", "2026-03-03T00:00Z", "2026-03-04T00:00Z"]),
        ("  5\t4 * * *  ", ["2026-03-02T04:05Z", "2026-03-03T04:05Z", "2026-03-04T04:05Z"]),
        ("0 0 13 * 5", ["2026-03-06T00:00Z", "2026-03-13T00:00Z", "2026-03-20T00:00Z"]),
        ("0 0 */13 * fri", ["2026-03-27T00:00Z", "2026-05-01T00:00Z", "2026-08-14T00:00Z"]),
        ("0 0 13 * */7", ["2026-09-13T00:00Z", "2026-12-13T00:00Z", "2027-06-13T00:00Z"]),
        ("0 12 * * 0", ["2026-03-08T12:00Z", "2026-03-15T12:00Z", "2026-03-22T12:00Z"]),
        ("0 12 * * 7", ["2026-03-08T12:00Z", "2026-03-15T12:00Z", "2026-03-22T12:00Z"]),
        ("0 12 * * Sat-Sun", ["2026-03-07T12:00Z", "2026-03-08T12:00Z", "2026-03-14T12:00Z"]),
        ("0 12 * * 5-7", ["2026-03-06T12:00Z", "2026-03-07T12:00Z", "2026-03-08T12:00Z"]),
        ("0 0 1 JAN,Jul *", ["2026-07-01T00:00Z", "2027-01-01T00:00Z", "2027-07-01T00:00Z"]),
        ("0 0 29 2 *", ["2028-02-29T00:00Z", "2032-02-29T00:00Z", "2036-02-29T00:00Z"]),
        ("0 0 29 2 */7", ["2032-02-29T00:00Z", "2060-02-29T00:00Z", "2088-02-29T00:00Z"]),
        ("50-59/4 0 * * *", ["2026-03-02T00:50Z", "2026-03-02T00:54Z", "2026-03-02T00:58Z"]),
        ("7/25 0 * * *", ["2026-03-02T00:07Z", "2026-03-02T00:32Z", "2026-03-02T00:57Z"]),
        ("@hourly", ["2026-03-02T00:00Z", "2026-03-02T01:00Z", "2026-03-02T02:00Z"]),
        ("@daily", ["2026-03-02T00:00Z", "2026-03-03T00:00Z", "2026-03-04T00:00Z"]),
        ("@midnight", ["2026-03-02T00:00Z", "2026-03-03T00:00Z", "2026-03-04T00:00Z"]),
        ("@weekly", ["2026-03-08T00:00Z", "2026-03-15T00:00Z", "2026-03-22T00:00Z"]),
        ("@Monthly", ["2026-04-01T00:00Z", "2026-05-01T00:00Z", "2026-06-01T00:00Z"]),
        ("@yearly", ["2027-01-01T00:00Z", "2028-01-01T00:00Z", "2029-01-01T00:00Z"]),
    ]

    @Test(arguments: good)
    func `an expression is due when cron has it so`(text: String, times: [String]) throws {
        #expect(try Self.next(text) == times)
    }

    private static let bad: [(String, Range<Int>, String)] = [
        ("", 0..<1, "a cron expression has five fields, this has 0"),
        ("* * * *", 0..<7, "a cron expression has five fields, this has 4"),
        ("* * * * * *", 0..<11, "a cron expression has five fields, this has 6"),
        ("60 * * * *", 0..<2, "the minute can not be 60"),
        ("* 24 * * *", 2..<4, "the hour can not be 24"),
        ("* * 0 * *", 4..<5, "the day of the month can not be 0"),
        ("* * * 13 *", 6..<8, "the month can not be 13"),
        ("* * * * 8", 8..<9, "the day of the week can not be 8"),
        ("* * * * mno", 8..<11, "the day of the week can not be 'mno'"),
        ("0 0 1--100000000 * *", 6..<16, "the day of the month can not be '-100000000'"),
        ("0-99999999999999999999 * * * *", 2..<22, "the minute can not be '99999999999999999999'"),
        ("*/0 * * * *", 2..<3, "a step of the minute can not be '0'"),
        ("*/90 * * * *", 2..<4, "a step of the minute can not be '90'"),
        ("1,,2 * * * *", 2..<2, "the minute has a gap: a value is missing"),
        ("30-10 * * * *", 0..<5, "the range '30-10' ends before it begins"),
        ("0 2 30 2 *", 4..<6, "no month that it names has such a day"),
        ("0 2 31 4,6,9,11 *", 4..<6, "no month that it names has such a day"),
        ("0 0 ? * *", 4..<5, "'?' is not known here"),
        ("0 0 L * *", 4..<5, "the day of the month can not be 'L'"),
        ("@dayly", 0..<6, "'@dayly' is not known"),
        ("@reboot", 0..<7, "'@reboot' is not known"),
        ("é * * * *", 0..<1, "the minute can not be 'é'"),
    ]

    @Test(arguments: bad)
    func `what is wrong is named, and where it stands`(text: String, place: Range<Int>, message: String) {
        #expect {
            _ = try CronExpression(text)
        } throws: { error in
            let error = error as? CronError
            return error?.place == place && error?.message == message
        }
    }

    @Test func `a long one is not read`() {
        #expect(throws: CronError.self) { try CronExpression(String(repeating: "1,", count: 100_000) + "1 * * * *") }
    }

    @Test func `an impossible day is none where the day of the week may do`() throws {
        #expect(try Self.next("0 0 30 2 1", count: 1) == ["2027-02-01T00:00Z"])
    }

    @Test func `numbers and names alone mean a time on the wall`() throws {
        #expect(try CronExpression("30 2 * * *").isFixedTime)
        #expect(try CronExpression("0,30 1,2 */2 * mon-fri").isFixedTime)
        #expect(try CronExpression("@daily").isFixedTime)
        for text in ["* 2 * * *", "30 * * * *", "*/5 2 * * *", "30 1-3 * * *", "30 2/4 * * *", "@hourly"] {
            #expect(try !CronExpression(text).isFixedTime)
        }
    }
}
