import Millrace
import Testing

@Suite struct DelayLadderTests {
    @Test(arguments: [
        (1, 0), (999, 0), (1_000, 1), (15_999, 1), (16_000, 2), (255_999, 2), (256_000, 3), (Wait.longest, 3),
    ])
    func `a wait goes into the longest stage that is not longer`(_ wait: Int, _ stage: Int) {
        #expect(DelayLadder.standard.stage(for: wait) == stage)
    }

    @Test func `stages longer than allowed are passed over`() {
        #expect(DelayLadder.standard.stage(for: Wait.longest, atMost: 20_000) == 2)
        #expect(DelayLadder.standard.stage(for: Wait.longest, atMost: 16_000) == 2)
        #expect(DelayLadder.standard.stage(for: Wait.longest, atMost: 15_999) == 1)
        #expect(DelayLadder.standard.stage(for: Wait.longest, atMost: 1_500) == 1)
        #expect(DelayLadder.standard.stage(for: Wait.longest, atMost: 10) == 0)
    }

    @Test func `the names of its queues fit, differ by queue and stage, and say what they are`() {
        let names = DelayLadder.standard.stages.indices.map { DelayLadder.standard.queueName($0, of: "orders") }
        #expect(names == ["orders.delay.0s", "orders.delay.1s", "orders.delay.16s", "orders.delay.256s"])
        #expect(DelayLadder(stages: [0, 20]).queueName(1, of: "orders") == "orders.delay.20ms")
        let long = String(repeating: "ö", count: 127) + "a"
        let other = String(repeating: "ö", count: 127) + "b"
        #expect(DelayLadder.standard.queueName(3, of: long).utf8.count <= 255)
        #expect(DelayLadder.standard.queueName(3, of: long) != DelayLadder.standard.queueName(3, of: other))
    }
}
