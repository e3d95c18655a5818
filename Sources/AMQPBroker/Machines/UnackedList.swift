/// A message in the hands of a channel.
struct Unacked: Sendable {
    let tag: UInt64
    let queue: QueueID
    /// The consumer it was given to; 0 for a get.
    let consumer: UInt64
    let entry: QueueEntry
    /// When it was handed out, in milliseconds.
    let at: UInt64
    /// When it has been held too long, in milliseconds; the largest number for never.
    let due: UInt64
}

/// What a channel holds, by delivery tag: tags count up, so that each is found without a search.
struct UnackedList: Sendable {
    private var ring = Ring<Unacked?>()
    /// The tag of the first place.
    private var base: UInt64 = 1
    private(set) var count = 0

    var isEmpty: Bool { self.count == 0 }
    /// Of the bodies.
    var octets: Int { (0..<self.ring.count).reduce(0) { $0 + (self.ring[$1]?.entry.message.body.count ?? 0) } }
    /// When the first of them will have been held too long.
    var nextDue: UInt64 {
        (0..<self.ring.count).reduce(UInt64.max) { Swift.min($0, self.ring[$1]?.due ?? .max) }
    }

    /// In the order of their tags.
    var all: [Unacked] { (0..<self.ring.count).compactMap { self.ring[$0] } }

    mutating func append(_ unacked: Unacked) {
        if self.ring.isEmpty { self.base = unacked.tag }
        while self.base + UInt64(self.ring.count) < unacked.tag { self.ring.append(nil) }
        self.ring.append(unacked)
        self.count += 1
    }

    private func place(_ tag: UInt64) -> Int? {
        guard tag >= self.base, tag < self.base + UInt64(self.ring.count) else { return nil }
        let place = Int(tag - self.base)
        return self.ring[place] == nil ? nil : place
    }

    private mutating func trim() {
        while let first = self.ring.first, first == nil {
            _ = self.ring.popFirst()
            self.base += 1
        }
    }

    mutating func take(_ tag: UInt64) -> Unacked? {
        guard let place = self.place(tag), let taken = self.ring[place] else { return nil }
        self.ring[place] = nil
        self.count -= 1
        self.trim()
        return taken
    }

    /// All up to the tag, which has to be there.
    mutating func takeThrough(_ tag: UInt64) -> [Unacked]? {
        guard let place = self.place(tag) else { return nil }
        var taken: [Unacked] = []
        for _ in 0...place {
            if case .some(.some(let unacked)) = self.ring.popFirst() { taken.append(unacked) }
            self.base += 1
        }
        self.count -= taken.count
        self.trim()
        return taken
    }

    mutating func takeAll() -> [Unacked] {
        self.count = 0
        self.base += UInt64(self.ring.count)
        return self.ring.removeAll().compactMap { $0 }
    }

    /// All that are meant; the others stay.
    mutating func takeAll(where isMeant: (Unacked) -> Bool) -> [Unacked] {
        let all = self.takeAll()
        for unacked in all where !isMeant(unacked) { self.append(unacked) }
        return all.filter(isMeant)
    }

    /// Those that have been held too long.
    func overdue(_ now: UInt64) -> [Unacked] {
        (0..<self.ring.count).compactMap { self.ring[$0] }.filter { $0.due <= now }
    }

    /// Puts back what a transaction did not settle after all.
    mutating func restore(_ settled: [Unacked]) {
        let all = (self.takeAll() + settled).sorted { $0.tag < $1.tag }
        for unacked in all { self.append(unacked) }
    }
}
