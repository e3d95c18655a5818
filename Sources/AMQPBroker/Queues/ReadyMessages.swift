/// The messages of a queue that nobody holds, in the order in which they go out.
struct ReadyMessages: Sendable {
    private let order: MessageOrder
    private let countsProperties: Bool
    /// By priority.
    private var levels: [Ring<QueueEntry>]
    /// None above this level has messages.
    private var top = 0
    /// Of every three that go out the third may be one of the lower level, where two go for one.
    private var turn = 0
    /// What came back to a quorum queue goes out first, in the order in which it came back.
    private var returned = Ring<QueueEntry>()
    private(set) var count = 0
    /// Octets of the bodies, and of the properties where those count.
    private(set) var bytes = 0

    init(_ order: MessageOrder, countsProperties: Bool = false) {
        self.order = order
        self.countsProperties = countsProperties
        self.levels = Array(repeating: Ring(), count: order.levels)
    }

    var isEmpty: Bool { self.count == 0 }

    /// Of the one that goes out next, if nothing came back.
    private var nextLevel: Int {
        guard self.order == .quorumTwoToOne, self.turn == 2 else { return self.top }
        guard let high = self.levels[1].first, let low = self.levels[0].first else { return self.top }
        return high.position < low.position ? 1 : 0
    }

    /// The one that goes out next.
    var first: QueueEntry? {
        if self.count == 0 { return nil }
        return self.returned.first ?? self.levels[self.nextLevel].first
    }

    mutating func append(_ entry: QueueEntry) {
        let level = self.order.level(of: entry.message.facts.priority)
        self.levels[level].append(entry)
        self.top = Swift.max(self.top, level)
        self.add(entry)
    }

    mutating func popFirst() -> QueueEntry? {
        guard self.count > 0 else { return nil }
        if let entry = self.returned.popFirst() { return self.remove(entry) }
        let entry = self.pop(self.nextLevel)
        if self.order == .quorumTwoToOne { self.turn = (self.turn + 1) % 3 }
        return entry
    }

    private mutating func pop(_ level: Int) -> QueueEntry? {
        guard let entry = self.levels[level].popFirst() else { return nil }
        while self.top > 0, self.levels[self.top].isEmpty { self.top -= 1 }
        return self.remove(entry)
    }

    /// Back to where it stood, or to the head of a quorum queue.
    mutating func putBack(_ entry: QueueEntry) {
        self.add(entry)
        if self.order.isQuorum { return self.returned.append(entry) }
        let level = self.order.level(of: entry.message.facts.priority)
        self.top = Swift.max(self.top, level)
        var (low, high) = (0, self.levels[level].count)
        while low < high {
            let middle = (low + high) / 2
            if self.levels[level][middle].position < entry.position { low = middle + 1 } else { high = middle }
        }
        self.levels[level].insert(entry, at: low)
    }

    /// When the next one expires of those that are looked at, in milliseconds.
    var nextExpiry: UInt64 {
        guard self.order == .quorumStrict else { return self.first?.expiresAt ?? .max }
        let heads = self.levels[...self.top].compactMap { $0.first?.expiresAt }
        return Swift.min(self.returned.first?.expiresAt ?? .max, heads.min() ?? .max)
    }

    /// Those that stand at the head of the queue, or of each priority of it, and have expired.
    mutating func takeExpired(_ now: UInt64) -> [QueueEntry] {
        var expired: [QueueEntry] = []
        if self.order == .quorumStrict {
            while let first = self.returned.first, first.expiresAt <= now {
                if let entry = self.returned.popFirst() { expired.append(self.remove(entry)) }
            }
            for level in (0...self.top).reversed() {
                while let first = self.levels[level].first, first.expiresAt <= now {
                    if let entry = self.pop(level) { expired.append(entry) }
                }
            }
            return expired
        }
        while let first = self.first, first.expiresAt <= now {
            _ = self.popFirst()
            expired.append(first)
        }
        return expired
    }

    mutating func removeAll() -> [QueueEntry] {
        var all = self.returned.removeAll()
        for level in self.levels.indices.reversed() { all += self.levels[level].removeAll() }
        self.count = 0
        self.bytes = 0
        self.top = 0
        return all
    }

    /// All of them, in order, for who looks from outside.
    var all: [QueueEntry] {
        var copy = self
        return copy.removeAll()
    }

    private func size(_ entry: QueueEntry) -> Int {
        entry.message.body.count + (self.countsProperties ? entry.message.propertiesSize : 0)
    }

    private mutating func add(_ entry: QueueEntry) {
        self.count += 1
        self.bytes += self.size(entry)
    }

    private mutating func remove(_ entry: QueueEntry) -> QueueEntry {
        self.count -= 1
        self.bytes -= self.size(entry)
        return entry
    }
}
