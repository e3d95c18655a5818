import AMQPClient
import Testing

@Suite struct ChannelNumbersTests {
    @Test func `C32: not more than the limit, and not above it`() {
        var numbers = ChannelNumbers(limit: 3)
        #expect([numbers.take(), numbers.take(), numbers.take(), numbers.take()] == [1, 2, 3, nil])
        #expect(numbers.inUse == 3)
    }

    @Test func `C40: never-used numbers first, then the one that was freed longest ago`() {
        var numbers = ChannelNumbers(limit: 3)
        #expect(numbers.take() == 1)
        numbers.free(1)
        #expect([numbers.take(), numbers.take()] == [2, 3])
        numbers.free(3)
        numbers.free(2)
        #expect([numbers.take(), numbers.take(), numbers.take(), numbers.take()] == [1, 3, 2, nil])
    }

    @Test func `all 65,535 of them, many times over`() {
        var numbers = ChannelNumbers(limit: 65535)
        for _ in 0..<3 {
            for _ in 0..<65535 { #expect(numbers.take() != nil) }
            #expect(numbers.take() == nil)
            for number in 1...65535 { numbers.free(UInt16(number)) }
            #expect(numbers.inUse == 0)
        }
    }
}
