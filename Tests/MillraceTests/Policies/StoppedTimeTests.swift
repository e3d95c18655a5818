import Millrace
import TestSupport
import Testing

@Suite struct StoppedTimeTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `a wait that ends in time, or a little late, is no stop`() {
        var stopped = StoppedTime()
        stopped.waited(until: 10 * Self.second, now: 9 * Self.second)
        stopped.waited(until: 10 * Self.second, now: 10 * Self.second + StoppedTime.tolerance)
        #expect(stopped.total == 0)
        #expect(stopped.ran(since: Self.second, now: 11 * Self.second) == 10 * Self.second)
    }

    @Test func `what began before a stop did not run in it, what began after it did`() {
        var stopped = StoppedTime()
        stopped.waited(until: 10 * Self.second, now: 70 * Self.second)
        #expect(stopped.total == 60 * Self.second)
        #expect(stopped.ran(since: 9 * Self.second, now: 71 * Self.second) == 2 * Self.second)
        #expect(stopped.ran(since: 70 * Self.second, now: 80 * Self.second) == 10 * Self.second)
        // Begun by another thread while the supervisor's was late already.
        #expect(stopped.ran(since: 20 * Self.second, now: 71 * Self.second) == Self.second)
        #expect(stopped.ran(since: 80 * Self.second, now: 70 * Self.second) == 0)
    }

    @Test func `many stops: nothing ran for longer than it was awake`() {
        var generator = Seed()
        var stopped = StoppedTime()
        var (now, awake) = (Self.second, UInt64(0))
        for _ in 0..<60 {
            let run = UInt64.random(in: 1...Self.second, using: &generator)
            let stop = UInt64.random(in: Self.second...(9 * Self.second), using: &generator)
            now += run
            awake += run
            stopped.waited(until: now, now: now + stop)
            now += stop
        }
        #expect(stopped.ran(since: Self.second, now: now) == awake, "seed \(generator.value)")
        #expect(stopped.total == now - Self.second - awake)
    }

    @Test func `of more stops than are kept the oldest are forgotten`() {
        var stopped = StoppedTime()
        for number: UInt64 in 1...100 {
            stopped.waited(until: 10 * number * Self.second, now: (10 * number + 5) * Self.second)
        }
        #expect(stopped.total == 500 * Self.second)
        #expect(stopped.ran(since: 999 * Self.second, now: 1006 * Self.second) == 2 * Self.second)
        #expect(stopped.ran(since: 509 * Self.second, now: 1006 * Self.second) == 247 * Self.second)
    }
}
