import AMQPBrokerServer
import Testing

/// When the memory of many messages is given back.
@Suite struct FreedMemoryTests {
    private static let megabyte = 1 << 20

    @Test func `a look is due when many messages have come or gone, many octets have come, or none is left`() {
        var freed = FreedMemory()
        #expect(!freed.isLookDue(messages: 0))
        #expect(!freed.isLookDue(messages: 4095))
        #expect(freed.isLookDue(messages: 4096))
        _ = freed.look(messages: 10, octets: 10)
        #expect(!freed.isLookDue(messages: 1))
        #expect(freed.isLookDue(messages: 0))
        freed.received(8 * Self.megabyte)
        #expect(freed.isLookDue(messages: 10))
        _ = freed.look(messages: 10, octets: 10)
        #expect(!freed.isLookDue(messages: 10))
    }

    @Test func `it is given back once an eighth of the most is left, and again after the next flood`() {
        let held = [80, 11, 10, 0, 40, 0].map { $0 * Self.megabyte }
        // What is left of the first flood is too little to be given back by itself.
        #expect(Self.given(held) == [false, false, true, false, false, true])
    }

    @Test func `of what is small nothing is given back`() {
        #expect(Self.given([FreedMemory.least - 1, 0, FreedMemory.least, 0]) == [false, false, false, true])
    }

    private static func given(_ held: [Int]) -> [Bool] {
        var freed = FreedMemory()
        return held.map { freed.look(messages: $0, octets: $0) }
    }
}
