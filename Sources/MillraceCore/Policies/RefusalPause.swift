/// How long outputs that the broker refused wait before they go again, and whether on another channel.
///
/// Refusals end by themselves, when a queue has a leader again or a consumer has made room: 50 ms at first, doubling while
/// nothing is accepted, up to 5 s. A value; times are nanoseconds of the monotonic clock.
package struct RefusalPause: Equatable, Sendable {
    package static let shortest: UInt64 = 50_000_000
    package static let longest: UInt64 = 5_000_000_000

    private var wait = Self.shortest
    private var hasGrown = false
    private var hasShrunk = false
    private var fruitless = 0
    /// When what was refused goes again; nil if nothing waits.
    package private(set) var until: UInt64?

    package init() {}

    package func isOver(now: UInt64) -> Bool { self.until.map { now >= $0 } ?? false }

    /// Whether the channel may be what is wrong: all that went again on it was refused again.
    ///
    /// A channel of RabbitMQ that knew a quorum queue before an election may refuse for it as long as it lives.
    package var suspectsChannel: Bool { self.fruitless > 0 }

    /// An output was refused; `again` if it had been refused before.
    package mutating func refused(again: Bool, now: UInt64) {
        if again, !self.hasGrown {
            self.hasGrown = true
            self.fruitless += 1
            self.wait = min(self.wait * 2, Self.longest)
        }
        if self.until == nil { self.until = now &+ self.wait }
    }

    /// One that had been refused was accepted: there is some room.
    package mutating func accepted() {
        self.fruitless = 0
        guard !self.hasShrunk else { return }
        self.hasShrunk = true
        self.wait = max(self.wait / 2, Self.shortest)
    }

    /// What was refused goes again.
    package mutating func released() {
        self.until = nil
        self.hasGrown = false
        self.hasShrunk = false
    }
}
