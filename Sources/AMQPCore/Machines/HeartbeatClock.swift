/// When to send a heartbeat and when to give the peer up (AMQP 0-9-1 §4.2.7, C14-C18).
///
/// Times in nanoseconds.
package struct HeartbeatClock: Equatable, Sendable {
    /// The negotiated interval; 0 switches both ways off.
    package let interval: UInt64
    private var lastReceived: UInt64
    private var lastSent: UInt64
    /// Before this the peer is not given up.
    private var notBefore: UInt64 = 0
    /// What is left of the one interval that stalls may grant between two reads.
    private var grace: UInt64

    package init(interval: UInt64, now: UInt64) {
        self.interval = interval
        self.lastReceived = now
        self.lastSent = now
        self.grace = interval
    }

    /// Any octets count as traffic.
    package mutating func received(now: UInt64) {
        self.lastReceived = now
        self.notBefore = 0
        self.grace = self.interval
    }
    /// This process did not run for `duration` up to `now`: the peer's silence may have been our own doing.
    ///
    /// The peer then has as long again to be heard, but one interval in all until it is: under a load that makes every
    /// tick late a dead peer is found within three intervals.
    package mutating func stalled(for duration: UInt64, now: UInt64) {
        let granted = min(duration, self.grace)
        guard granted > 0 else { return }
        self.grace -= granted
        self.notBefore = now + granted
    }
    package mutating func sent(now: UInt64) { self.lastSent = now }

    package enum TickAction: Equatable, Sendable { case none, send, peerDead(silentFor: UInt64) }
    package mutating func tick(now: UInt64) -> TickAction {
        guard self.interval > 0 else { return .none }
        let silence = now > self.lastReceived ? now - self.lastReceived : 0
        if silence >= self.interval * 2, now >= self.notBefore { return .peerDead(silentFor: silence) }
        guard now >= self.lastSent + self.interval / 2 else { return .none }
        self.lastSent = now
        return .send
    }
}
