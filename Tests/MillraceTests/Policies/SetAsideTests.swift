import Millrace
import Testing

@Suite struct SetAsideTests {
    @Test func `what can not be copied is kept for a minute, then goes back, the oldest first`() {
        var aside = SetAside()
        #expect(aside.add(1, prefetch: 10, now: 0) == true)
        #expect(aside.add(2, prefetch: 10, now: 5) == true)
        #expect(aside.wake == SetAside.time)
        #expect(aside.due(now: SetAside.time - 1) == [])
        #expect(aside.due(now: SetAside.time) == [1])
        #expect(aside.wake == SetAside.time + 5)
        #expect(aside.removeAll() == [2])
        #expect(aside.isEmpty)
    }

    @Test func `half of the prefetch stays free for others`() {
        var aside = SetAside()
        #expect(aside.add(1, prefetch: 1, now: 0) == false)
        #expect((1...10).count { aside.add(UInt64($0), prefetch: 10, now: 0) } == 5)
        #expect(aside.add(11, prefetch: 0, now: 0) == true, "no prefetch, no limit")
    }
}
