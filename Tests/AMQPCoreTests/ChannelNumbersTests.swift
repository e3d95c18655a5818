import AMQPCore
import Testing

@Suite struct ChannelNumbersTests {
    @Test func `C40: the number freed longest ago goes out first`() {
        var numbers = ChannelNumbers(limit: 3)
        #expect([numbers.take(), numbers.take(), numbers.take()] == [1, 2, 3])
        numbers.free(2)
        numbers.free(1)
        #expect(numbers.take() == 2)
        numbers.free(3)
        #expect([numbers.take(), numbers.take()] == [1, 3])
    }

    @Test func `C40: a number that was never used comes before a freed one`() {
        var numbers = ChannelNumbers(limit: 2)
        #expect(numbers.take() == 1)
        numbers.free(1)
        #expect(numbers.take() == 2)
    }

    @Test func `C32: the limit bounds count and numbers, and its end is nil`() {
        var numbers = ChannelNumbers(limit: 2)
        #expect([numbers.take(), numbers.take()] == [1, 2])
        #expect(numbers.inUse == 2)
        #expect(numbers.take() == nil)
        #expect(numbers.inUse == 2)
        numbers.free(1)
        #expect(numbers.inUse == 1)
        #expect(numbers.take() == 1)
        #expect(numbers.take() == nil)
    }

    @Test func `C32: every number up to 65535, and not one more`() {
        var numbers = ChannelNumbers(limit: 100_000)
        var seen = Set<UInt16>()
        for _ in 0..<70_000 { if let number = numbers.take() { seen.insert(number) } }
        #expect(seen.count == 65535)
        #expect(!seen.contains(0))
    }

    @Test func `C40: many rounds of taking and freeing lose no number`() {
        var numbers = ChannelNumbers(limit: 5)
        for _ in 0..<5 { _ = numbers.take() }
        for round in 0..<1000 {
            let number = UInt16(round % 5 + 1)
            numbers.free(number)
            #expect(numbers.take() == number)
        }
        #expect(numbers.inUse == 5)
    }
}
