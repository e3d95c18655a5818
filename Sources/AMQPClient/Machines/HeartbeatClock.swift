/// When to send a heartbeat and when to give the peer up (AMQP 0-9-1 §4.2.7, C14-C18).
///
/// Times in nanoseconds.
package struct HeartbeatClock: Equatable, Sendable {
    /// The negotiated interval; 0 switches both ways off.
    package let interval: UInt64
    private var lastReceived: UInt64
    private var lastSent: UInt64

    package init(interval: UInt64, now: UInt64) {
        self.interval = interval
        self.lastReceived = now
        self.lastSent = now
    }

    /// Any octets count as traffic.
    package mutating func received(now: UInt64) { self.lastReceived = now }
    /// Nobody looked at the socket for this long: the peer's silence was our own doing.
    package mutating func stalled(for duration: UInt64) { self.lastReceived += duration }
    package mutating func sent(now: UInt64) { self.lastSent = now }

    package enum TickAction: Equatable, Sendable { case none, send, peerDead(silentFor: UInt64) }
    package mutating func tick(now: UInt64) -> TickAction {
        guard self.interval > 0 else { return .none }
        let silence = now > self.lastReceived ? now - self.lastReceived : 0
        if silence >= self.interval * 2 { return .peerDead(silentFor: silence) }
        guard now >= self.lastSent + self.interval / 2 else { return .none }
        self.lastSent = now
        return .send
    }
}
