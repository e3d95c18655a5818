import Millrace
import Testing

@Suite struct ScheduleRuleTests {
    @Test func `an interval is counted from the last time, whatever the time is now`() {
        let rule = ScheduleRule.every(30_000)
        #expect(rule.next(after: 1_000_000, last: 1_000_000) == 1_030_000)
        #expect(rule.next(after: 1_000_001, last: 1_000_000) == 1_030_000)
        #expect(rule.next(after: 1_030_000, last: 1_000_000) == 1_060_000)
        #expect(rule.next(after: 1_029_999, last: 1_000_000) == 1_030_000)
        #expect(rule.next(after: 0, last: 1_000_000) == 1_030_000)
        #expect(rule.last(after: 1_000_000, upTo: 1_029_999) == nil)
        #expect(rule.last(after: 1_000_000, upTo: 1_030_000) == 1_030_000)
        #expect(rule.last(after: 1_000_000, upTo: 1_099_999) == 1_090_000)
        #expect(rule.last(after: 1_000_000, upTo: 900_000) == nil)
    }

    @Test func `of years that were missed the last time is found at once`() throws {
        let rule = ScheduleRule.cron(try CronExpression("* * * * *"), .utc)
        #expect(rule.last(after: 0, upTo: 1_772_409_659_999) == 1_772_409_600_000)
        let rare = ScheduleRule.cron(try CronExpression("0 0 29 2 *"), .utc)
        #expect(rare.last(after: 0, upTo: 1_772_409_600_000) == 1_709_164_800_000)
        #expect(rare.last(after: 1_709_164_800_000, upTo: 1_772_409_600_000) == nil)
    }

    @Test func `a time that is no date has no next one`() throws {
        let rule = ScheduleRule.cron(try CronExpression("* * * * *"), .utc)
        #expect(rule.next(after: .max, last: 0) == nil)
        #expect(rule.next(after: .min, last: 0) == nil)
    }
}
