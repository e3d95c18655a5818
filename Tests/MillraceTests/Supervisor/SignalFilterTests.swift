import Millrace
import Testing

@Suite struct SignalFilterTests {
    @Test func `what comes twice within a moment was sent once`() {
        var filter = SignalFilter()
        let first = filter.isNew(now: 10)
        let twin = filter.isNew(now: 10 + SignalFilter.moment - 1)
        let second = filter.isNew(now: 10 + SignalFilter.moment)
        let third = filter.isNew(now: 10 + 5 * SignalFilter.moment)
        #expect([first, twin, second, third] == [true, false, true, true])
    }

    @Test func `what waited while the first was served is the same, however long that took`() {
        var filter = SignalFilter()
        let first = filter.isNew(now: 0)
        filter.wasServed(now: 10 * SignalFilter.moment)
        let twin = filter.isNew(now: 10 * SignalFilter.moment + 1)
        let second = filter.isNew(now: 11 * SignalFilter.moment)
        #expect([first, twin, second] == [true, false, true])
    }
}
