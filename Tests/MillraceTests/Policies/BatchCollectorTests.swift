import Millrace
import Testing

/// The gathering of a batch, with time passed in.
@Suite struct BatchCollectorTests {
    @Test func `a batch begins when it is full, whatever the time`() {
        var collector = BatchCollector<Int>(size: 3, timeout: 1000)
        for number in 1...3 {
            #expect(!collector.isFull && !collector.isDue(now: 10))
            collector.add(number, now: 10)
        }
        #expect(collector.isFull)
        #expect(collector.isDue(now: 10))
        #expect(collector.take() == [1, 2, 3])
    }

    @Test func `the time of the first counts, not that of the last`() {
        var collector = BatchCollector<Int>(size: 100, timeout: 50)
        collector.add(1, now: 1000)
        collector.add(2, now: 1049)
        #expect(collector.deadline == 1050)
        #expect(!collector.isDue(now: 1049))
        #expect(collector.isDue(now: 1050))
        #expect(collector.take() == [1, 2])
    }

    @Test func `an empty batch is never due, and the next one's time begins with its own first`() {
        var collector = BatchCollector<Int>(size: 2, timeout: 50)
        #expect(collector.deadline == nil)
        #expect(!collector.isDue(now: .max))
        collector.add(1, now: 100)
        #expect(collector.take() == [1])
        #expect(collector.deadline == nil && !collector.isDue(now: .max))
        #expect(collector.take().isEmpty)
        collector.add(2, now: 500)
        #expect(collector.deadline == 550)
    }

    @Test func `without a timeout what is there is due at once`() {
        var collector = BatchCollector<Int>(size: 100, timeout: 0)
        collector.add(1, now: 7)
        #expect(collector.isDue(now: 7))
    }

    @Test func `a size of one, or of nonsense, is a batch for each`() {
        for size in [1, 0, -5] {
            var collector = BatchCollector<Int>(size: size, timeout: 1000)
            collector.add(1, now: 0)
            #expect(collector.isDue(now: 0))
        }
    }

    @Test func `a timeout that no clock reaches is never over`() {
        var collector = BatchCollector<Int>(size: 2, timeout: .max)
        collector.add(1, now: 5)
        #expect(!collector.isDue(now: .max - 1))
    }
}
