/// Every message of a run, and what has become of it: what the invariants are about.
struct Ledger {
    /// `unknown`: its ack is in a commit whose answer has not come.
    enum Fate { case none, unknown, acked, rejected }
    struct Item {
        /// Of an output: its input.
        let input: UInt64
        let isPersistent: Bool
        /// Its publisher was told so, or acked its input with it.
        var isConfirmed = false
        /// As its last delivery was settled.
        var fate = Fate.none
        /// A fault took it away: nothing is promised of it.
        var isExcused = false
    }
    /// By identifier, from 1.
    private(set) var items: [Item] = []

    var count: Int { self.items.count }

    mutating func add(input: UInt64 = 0) -> UInt64 {
        let id = UInt64(self.items.count + 1)
        self.items.append(Item(input: input, isPersistent: Chance.of(id, 77) % 3 > 0))
        return id
    }

    func knows(_ id: UInt64) -> Bool { id > 0 && id <= self.items.count }

    subscript(id: UInt64) -> Item {
        get { self.items[Int(id) - 1] }
        _modify { yield &self.items[Int(id) - 1] }
    }

    /// What is lost with a queue, or with a broker.
    ///
    /// What is on its way to the broker may still be there before it is gone, so all that was made is meant.
    mutating func excuse(where isLost: (Item) -> Bool) {
        for index in self.items.indices where self.items[index].fate == .none && isLost(self.items[index]) {
            self.items[index].isExcused = true
        }
    }

    // MARK: Bodies

    /// The body of a message: its identifier, and octets that follow from it.
    static func body(_ id: UInt64, most: Int) -> [UInt8] {
        let size = 8 + (most > 8 ? Int(Chance.of(id, 5) % UInt64(most - 7)) : 0)
        var body = [UInt8](repeating: Self.filler(id), count: size)
        for place in 0..<8 { body[place] = UInt8(truncatingIfNeeded: id >> UInt64(8 * (7 - place))) }
        return body
    }

    private static func filler(_ id: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: id &* 31 &+ 7) }

    /// The identifier at the start of these octets.
    static func id(_ bytes: some Collection<UInt8>) -> UInt64? {
        guard bytes.count >= 8 else { return nil }
        return bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }

    /// The identifier, if it is a body as it was made.
    static func whole(_ bytes: UnsafeRawBufferPointer, most: Int) -> UInt64? {
        guard let id = self.id(bytes) else { return nil }
        let size = 8 + (most > 8 ? Int(Chance.of(id, 5) % UInt64(most - 7)) : 0)
        guard bytes.count == size, bytes[8...].allSatisfy({ $0 == Self.filler(id) }) else { return nil }
        return id
    }
}
