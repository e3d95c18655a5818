import AMQPClient
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

    @Test func `C15: time in which nobody looked at the socket is no silence of the peer`() {
        var clock = HeartbeatClock(interval: 2 * Self.second, now: 0)
        clock.sent(now: 9 * Self.second)
        clock.stalled(for: 9 * Self.second)
        #expect(clock.tick(now: 9 * Self.second) == .none)
        clock.sent(now: 13 * Self.second)
        #expect(clock.tick(now: 13 * Self.second) == .peerDead(silentFor: 4 * Self.second))
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
