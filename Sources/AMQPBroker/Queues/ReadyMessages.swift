/// The messages of a queue that nobody holds, in the order in which they go out.
struct ReadyMessages: Sendable {
    /// By priority; one level for queues without.
    private var levels: [Ring<QueueEntry>]
    /// What came back to a quorum queue goes out first, in the order in which it came back.
    private var returned = Ring<QueueEntry>()
    private let returnsFirst: Bool
    private(set) var count = 0
    /// Octets of the bodies.
    private(set) var bytes = 0

    init(priorities: Int, returnsFirst: Bool) {
        self.levels = Array(repeating: Ring(), count: priorities + 1)
        self.returnsFirst = returnsFirst
    }

    var isEmpty: Bool { self.count == 0 }

    private func level(_ entry: QueueEntry) -> Int {
        Swift.min(Int(entry.message.facts.priority), self.levels.count - 1)
    }

    /// The one that goes out next.
    var first: QueueEntry? {
        if self.count == 0 { return nil }
        if let first = self.returned.first { return first }
        for level in self.levels.indices.reversed() {
            if let first = self.levels[level].first { return first }
        }
        return nil
    }

    mutating func append(_ entry: QueueEntry) {
        self.levels[self.level(entry)].append(entry)
        self.add(entry)
    }

    mutating func popFirst() -> QueueEntry? {
        guard self.count > 0 else { return nil }
        if let entry = self.returned.popFirst() { return self.remove(entry) }
        for level in self.levels.indices.reversed() {
            if let entry = self.levels[level].popFirst() { return self.remove(entry) }
        }
        return nil
    }

    /// Back to where it stood.
    mutating func putBack(_ entry: QueueEntry) {
        self.add(entry)
        if self.returnsFirst { return self.returned.append(entry) }
        let level = self.level(entry)
        var (low, high) = (0, self.levels[level].count)
        while low < high {
            let middle = (low + high) / 2
            if self.levels[level][middle].position < entry.position { low = middle + 1 } else { high = middle }
        }
        self.levels[level].insert(entry, at: low)
    }

    /// Those that stand at the head of the queue and have expired.
    mutating func takeExpired(_ now: UInt64) -> [QueueEntry] {
        var expired: [QueueEntry] = []
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
        return all
    }

    /// All of them, in order, for who looks from outside.
    var all: [QueueEntry] {
        var copy = self
        return copy.removeAll()
    }

    private mutating func add(_ entry: QueueEntry) {
        self.count += 1
        self.bytes += entry.message.body.count
    }

    private mutating func remove(_ entry: QueueEntry) -> QueueEntry {
        self.count -= 1
        self.bytes -= entry.message.body.count
        return entry
    }
}
