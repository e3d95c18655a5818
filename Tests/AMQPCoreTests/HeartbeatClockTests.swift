import AMQPCore
import Testing

@Suite struct HeartbeatClockTests {
    static let second: UInt64 = 1_000_000_000

    @Test func `C14: one is due half an interval after the last octet out`() {
        var clock = HeartbeatClock(interval: 10 * Self.second, now: 100)
        #expect(clock.tick(now: 100 + 5 * Self.second - 1) == .none)
        #expect(clock.tick(now: 100 + 5 * Self.second) == .send)
        #expect(clock.tick(now: 100 + 5 * Self.second + 1) == .none)
        #expect(clock.tick(now: 100 + 10 * Self.second) == .send)
    }

    @Test func `C14: any octets out put it off`() {
        var clock = HeartbeatClock(interval: 10 * Self.second, now: 0)
        clock.sent(now: 4 * Self.second)
        #expect(clock.tick(now: 5 * Self.second) == .none)
        #expect(clock.tick(now: 9 * Self.second) == .send)
    }

    @Test func `C15: a peer silent for two intervals is dead`() {
        var clock = HeartbeatClock(interval: 2 * Self.second, now: 0)
        #expect(clock.tick(now: 4 * Self.second - 1) != .peerDead(silentFor: 4 * Self.second - 1))
        #expect(clock.tick(now: 4 * Self.second) == .peerDead(silentFor: 4 * Self.second))
    }

    @Test func `C15: after a stall of any length the peer has an interval to be heard, once`() {
        var clock = HeartbeatClock(interval: 2 * Self.second, now: 0)
        clock.sent(now: 90 * Self.second)
        clock.stalled(for: 90 * Self.second, now: 90 * Self.second)
        #expect(clock.tick(now: 90 * Self.second) == .none)
        #expect(clock.tick(now: 92 * Self.second - 1) != .peerDead(silentFor: 92 * Self.second - 1))
        clock.stalled(for: Self.second, now: 92 * Self.second)
        #expect(clock.tick(now: 92 * Self.second) == .peerDead(silentFor: 92 * Self.second))
    }

    @Test func `C15: whoever is heard after a stall has the same again`() {
        var clock = HeartbeatClock(interval: 2 * Self.second, now: 0)
        for pause in 1...3 as ClosedRange<UInt64> {
            let now = pause * 90 * Self.second
            clock.sent(now: now)
            clock.stalled(for: 89 * Self.second, now: now)
            #expect(clock.tick(now: now) == .none)
            clock.received(now: now + Self.second)
        }
        #expect(clock.tick(now: 275 * Self.second) == .peerDead(silentFor: 4 * Self.second))
    }

    @Test func `C15: a short stall puts the judgement off by no more than itself`() {
        var clock = HeartbeatClock(interval: 10 * Self.second, now: 0)
        clock.stalled(for: Self.second, now: 12 * Self.second)
        #expect(clock.tick(now: 20 * Self.second) == .peerDead(silentFor: 20 * Self.second))
    }

    @Test func `C15: any octets in keep it alive`() {
        var clock = HeartbeatClock(interval: 2 * Self.second, now: 0)
        clock.received(now: 3 * Self.second)
        #expect(clock.tick(now: 6 * Self.second) == .send)
        #expect(clock.tick(now: 7 * Self.second) == .peerDead(silentFor: 4 * Self.second))
    }

    @Test func `C7: interval 0 switches both ways off`() {
        var clock = HeartbeatClock(interval: 0, now: 0)
        #expect(clock.tick(now: UInt64.max / 2) == .none)
    }

    @Test func `C15: a clock read a little earlier than the last octets is no silence`() {
        var clock = HeartbeatClock(interval: Self.second, now: 0)
        clock.received(now: 100 * Self.second)
        clock.sent(now: 100 * Self.second)
        #expect(clock.tick(now: 99 * Self.second) == .none)
    }
}
