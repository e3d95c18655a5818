import MillraceClient
import Testing

@Suite struct DelayTests {
    @Test func `a delay is whole milliseconds, rounded up, of at most 7 days`() {
        #expect(Delay.minutes(5).milliseconds == 300_000)
        #expect(Delay.hours(1) == .minutes(60))
        #expect(Delay(.microseconds(1)).milliseconds == 1)
        #expect(Delay(.microseconds(1001)).milliseconds == 2)
        #expect(Delay.none.milliseconds == 0)
        #expect(Delay.seconds(-1).milliseconds == 0)
        #expect(Delay.days(7).milliseconds == 604_800_000)
        #expect(Delay(Delay.days(7).duration + .nanoseconds(1)).milliseconds == nil)
    }
}
