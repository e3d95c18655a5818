/// The tokens of a schedule that a supervisor has in hand, merged.
package struct ScheduleMemory {
    private struct Held {
        let tag: UInt64
        let token: ScheduleToken
    }

    /// Of the schedule as it is now.
    private let rule: String
    private var held: [Held] = []
    /// Before this everything is done.
    package private(set) var basis: Int64 = 0
    /// The oldest seed of this rule that was seen.
    private var seed: Int64?
    private var isSettled = false

    /// A time so far ahead comes of a clock that was wrong; milliseconds.
    package static let farAhead: Int64 = 3_600_000
    private static let most = 500

    package init(rule: String) { self.rule = rule }

    package var isEmpty: Bool { self.held.isEmpty }
    package var isFull: Bool { self.held.count > Self.most }

    package mutating func hold(_ tag: UInt64, _ token: ScheduleToken) {
        self.held.append(Held(tag: tag, token: token))
        if token.rule == self.rule {
            if token.kind == .seed { self.seed = min(self.seed ?? .max, token.time) }
            if self.isSettled, token.kind == .done { self.basis = max(self.basis, token.time) }
        }
    }

    /// All is known that there is: from when on times count.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - known: What this process has done itself, as far as it knows.
    /// - Returns: How far ahead a time was that is left out; nil if none was.
    package mutating func settle(now: Int64, known: Int64?) -> Int64? {
        let done = self.held.map(\.token).filter { $0.kind == .done }
        let ahead = done.map(\.time).filter { $0 > now &+ Self.farAhead }.max()
        let last = done.filter { $0.time <= now &+ Self.farAhead }.max { $1.outdoes($0) }
        if let last, ahead == nil {
            // With other words before it counts from when they were first seen.
            self.basis = last.rule == self.rule ? last.time : max(last.time, self.seed ?? now)
        } else {
            self.basis = ahead == nil ? self.seed ?? now : now
        }
        if let known, known <= now &+ Self.farAhead { self.basis = max(self.basis, known) }
        self.isSettled = true
        return ahead.map { $0 &- now }
    }

    package mutating func did(_ time: Int64) { self.basis = max(self.basis, time) }

    /// Whether a token in hand says what is known.
    package var isKept: Bool { self.keptIndex != nil }

    private var keptIndex: Int? {
        let hasDone = self.held.contains { $0.token.kind == .done }
        return self.held.lastIndex {
            $0.token.rule == self.rule && $0.token.time == self.basis && ($0.token.kind == .done || !hasDone)
        }
    }

    /// Takes out what is not needed any more.
    ///
    /// - Returns: The tags, in the order in which they came.
    package mutating func takeOld() -> [UInt64] {
        guard let kept = self.keptIndex else { return [] }
        let tags = self.held.indices.filter { $0 != kept }.map { self.held[$0].tag }
        self.held = [self.held[kept]]
        return tags
    }

    /// Takes out seeds that say no more than others: too many lie in the queue to be read at once.
    package mutating func takeSeeds() -> [UInt64] {
        var best: Held?
        for entry in self.held where best.map({ entry.token.outdoes($0.token) }) ?? true { best = entry }
        let tags = self.held.map(\.tag).filter { $0 != best?.tag }
        self.held = best.map { [$0] } ?? []
        return tags
    }

    /// The channel has ended.
    package mutating func forget() { self = ScheduleMemory(rule: self.rule) }
}
