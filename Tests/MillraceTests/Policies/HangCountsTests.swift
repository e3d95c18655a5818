import Millrace
import Testing

/// How often handlers have hung on a message.
@Suite struct HangCountsTests {
    private typealias Counts = HangCounts<String>

    @Test func `original and copy count together`() {
        var counts = Counts()
        #expect(counts.isEmpty)
        counts.hung("a", isFirst: true, now: 0)
        #expect(counts.hangs("a", now: 0) == 1)
        counts.hung("a", isFirst: false, now: 1)
        #expect(counts.hangs("a", now: 1) == Counts.limit)
        #expect(counts.hangs("b", now: 1) == 0)
        counts.forget("a")
        #expect(counts.isEmpty)
    }

    @Test func `another message that is alike has its own first hang`() {
        var counts = Counts()
        for time in UInt64(0)..<5 { counts.hung("a", isFirst: true, now: time) }
        #expect(counts.hangs("a", now: 5) == 1)
    }

    @Test func `a count is kept for its time, from the last hang on`() {
        var counts = Counts()
        counts.hung("a", isFirst: true, now: 10)
        #expect(counts.hangs("a", now: 9 + Counts.memory) == 1)
        counts.hung("a", isFirst: false, now: 9 + Counts.memory)
        #expect(counts.hangs("a", now: 10 + Counts.memory) == 2)
        #expect(counts.hangs("a", now: 9 + 2 * Counts.memory) == 0)
    }

    @Test func `it has a limit, and the oldest goes`() {
        var counts = Counts()
        for number in 0...Counts.capacity { counts.hung("\(number)", isFirst: true, now: UInt64(number)) }
        #expect(counts.hangs("0", now: 0) == 0)
        #expect(counts.hangs("1", now: 0) == 1)
        #expect(counts.hangs("\(Counts.capacity)", now: 0) == 1)
    }

    @Test func `a twin that hangs for the first time takes nothing away`() {
        var counts = Counts()
        counts.hung("a", isFirst: true, now: 0)
        counts.hung("a", isFirst: false, now: 1)
        counts.hung("a", isFirst: true, now: 2)
        #expect(counts.hangs("a", now: 2) == 2)
    }

    @Test func `in a full list one that is known drives nobody out`() {
        var counts = Counts()
        for number in 0..<Counts.capacity { counts.hung("\(number)", isFirst: true, now: UInt64(number)) }
        counts.hung("5", isFirst: false, now: UInt64(Counts.capacity))
        #expect(counts.hangs("0", now: 0) == 1)
        #expect(counts.hangs("5", now: 0) == 2)
    }
}
