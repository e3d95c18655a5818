import AMQPCore
import Testing

@Suite struct StallWatchTests {
    private static let tick: UInt64 = 100_000_000
    private static let second: UInt64 = 1_000_000_000

    @Test func `C15: a tick that is a little late is no stall, one that comes after a pause is`() {
        var watch = StallWatch(interval: Self.tick, now: 0)
        #expect(watch.tick(now: Self.tick) == 0)
        #expect(watch.tick(now: 6 * Self.tick) == 0)
        #expect(watch.tick(now: 60 * Self.second) == 60 * Self.second - 7 * Self.tick)
        #expect(watch.tick(now: 60 * Self.second + Self.tick) == 0)
        #expect(watch.tick(now: 0) == 0, "a clock that was read earlier")
    }

    /// Each tick comes so late: a stall each time, as on a machine with too much to do.
    @Test(arguments: [6, 10, 25] as [UInt64])
    func `C15: a process that is late each time finds a dead peer within three intervals`(_ ticks: UInt64) {
        var watch = StallWatch(interval: Self.tick, now: 0)
        var clock = HeartbeatClock(interval: 30 * Self.second, now: 0)
        var now: UInt64 = 0
        while now < 400 * Self.second {
            now += ticks * Self.tick
            clock.stalled(for: watch.tick(now: now), now: now)
            if case .peerDead(let silence) = clock.tick(now: now) {
                #expect(silence >= 60 * Self.second && silence <= 93 * Self.second)
                return
            }
        }
        Issue.record("not found in 400 s")
    }
}
