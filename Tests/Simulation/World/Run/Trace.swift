/// What happened, in order: a hash of all of it, and the last events as they are.
struct Trace {
    enum Who: Equatable {
        case world, broker
        case client(Int)
        case owner(client: Int, index: Int)
    }
    enum What: UInt8 {
        case decision, arrived, sent, received, connecting, opened, ended, told, published, verdict, began, decided
        case heal, drain, down, up, cut, channelEnded
    }
    struct Event {
        let time: UInt64
        let who: Who
        let what: What
        let one: UInt64
        let other: UInt64
    }

    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var count = 0
    private var last: [Event] = []
    private static let kept = 40

    mutating func note(_ time: UInt64, _ who: Who, _ what: What, _ one: UInt64 = 0, _ other: UInt64 = 0) {
        self.mix(time)
        self.mix(who.number << 8 | UInt64(what.rawValue))
        self.mix(one)
        self.mix(other)
        let event = Event(time: time, who: who, what: what, one: one, other: other)
        if self.last.count < Self.kept {
            self.last.append(event)
        } else {
            self.last[self.count % Self.kept] = event
        }
        self.count += 1
    }

    /// One round of FNV-1a over eight octets at once, with a turn so that the high ones count too.
    private mutating func mix(_ number: UInt64) {
        self.hash = (self.hash ^ number) &* 0x100_0000_01B3
        self.hash ^= self.hash >> 29
    }

    /// The last events, the oldest first.
    var tail: [Event] {
        guard self.last.count == Self.kept else { return self.last }
        let start = self.count % Self.kept
        return Array(self.last[start...] + self.last[..<start])
    }
}

extension Trace.Who {
    fileprivate var number: UInt64 {
        switch self {
        case .world: 0
        case .broker: 1
        case .client(let client): 2 + UInt64(client) << 8
        case .owner(let client, let index): 3 + UInt64(client) << 8 + UInt64(index) << 16
        }
    }
}
