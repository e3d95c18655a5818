/// How often handlers have hung on a message, whether it came as it was or as a copy of itself.
///
/// A value; times are nanoseconds of the monotonic clock. By the identities that ``MessageIdentity`` gives.
package struct HangCounts<Identity: Hashable & Sendable>: Sendable {
    /// Twice, and the message is set aside.
    package static var limit: Int { 2 }
    /// After so long a count is forgotten; what waits longer for its next attempt has it in its header.
    package static var memory: UInt64 { 600_000_000_000 }
    /// Messages that never come again, because somebody else has them, must not pile up.
    package static var capacity: Int { 1000 }

    private struct Count: Sendable {
        var hangs: Int
        var last: UInt64
    }
    private var counts: [Identity: Count] = [:]

    package init() {}

    package var isEmpty: Bool { self.counts.isEmpty }

    /// A handler hung on it.
    ///
    /// - Parameters:
    ///   - identity: The message.
    ///   - isFirst: Whether it had never been given out before: then it is its own first hang, though another message
    ///     that is alike may have hung before.
    ///   - now: The time.
    package mutating func hung(_ identity: Identity, isFirst: Bool, now: UInt64) {
        self.forgetOld(now)
        if self.counts.count >= Self.capacity, self.counts[identity] == nil,
            let oldest = self.counts.min(by: { $0.value.last < $1.value.last })
        {
            self.counts[oldest.key] = nil
        }
        let before = self.counts[identity]?.hangs ?? 0
        self.counts[identity] = Count(hangs: isFirst ? max(before, 1) : before + 1, last: now)
    }

    package mutating func hangs(_ identity: Identity, now: UInt64) -> Int {
        self.forgetOld(now)
        return self.counts[identity]?.hangs ?? 0
    }

    /// A handler had it and came back, or it is published anew: what was is over.
    package mutating func forget(_ identity: Identity) { self.counts[identity] = nil }

    private mutating func forgetOld(_ now: UInt64) {
        guard !self.counts.isEmpty else { return }
        self.counts = self.counts.filter { now < $0.value.last &+ Self.memory }
    }
}
