import AMQPClient
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

    @Test func `C15: after a pause the peer has its time again; a process that is late each time still finds it dead`()
    {
        var watch = StallWatch(interval: Self.tick, now: 0)
        var clock = HeartbeatClock(interval: 2 * Self.second, now: 0)
        var now: UInt64 = 0
        var ticks = 0
        var end: HeartbeatClock.TickAction = .none
        while ticks < 1000 {
            now += Self.second  // each tick ten times too late
            ticks += 1
            clock.stalled(for: watch.tick(now: now))
            end = clock.tick(now: now)
            if case .peerDead = end { break }
        }
        #expect(ticks == 40)
        guard case .peerDead(let silence) = end else { return #expect(Bool(false), "never found out") }
        #expect(silence == 4 * Self.second)
    }
}
