/// One direction of a connection: octets arrive in their order, cut anywhere, some time after they were sent.
struct Pipe {
    enum Parcel {
        case octets([UInt8])
        /// Nothing more comes this way.
        case end
        /// The connection is broken.
        case reset
    }
    private var parcels: [(at: UInt64, parcel: Parcel)] = []
    private var head = 0
    private var last: UInt64 = 0
    private var chance: Chance
    private let swarm: Swarm
    /// Octets that may still come alone: all of them would take long, and show nothing more.
    private var singles = 300
    private var smallest = 100
    /// Nothing arrives before.
    var frozenUntil: UInt64 = 0
    /// What is sent from now on takes that much longer.
    var extraDelay: UInt64 = 0
    /// Octets that still arrive before it breaks, and how; nil if it does not.
    var breaks: (left: Int, how: Break)?
    /// Nothing can be sent any more.
    private(set) var isEnded = false

    enum Break { case reset, end }

    init(_ swarm: Swarm, salt: UInt64) {
        self.swarm = swarm
        self.chance = Chance(Chance.of(swarm.seed, salt))
    }

    /// Puts octets on their way.
    ///
    /// - Returns: When each of the new parcels arrives.
    mutating func send(_ octets: UnsafeRawBufferPointer, now: UInt64, _ arrives: (UInt64) -> Void) {
        guard !self.isEnded else { return }
        var start = 0
        while start < octets.count {
            let size = min(octets.count - start, self.pieceSize())
            arrives(self.put(.octets(Array(octets[start..<start + size])), now))
            start += size
        }
    }

    /// Ends it behind what is on its way.
    mutating func end(_ parcel: Parcel, now: UInt64, _ arrives: (UInt64) -> Void) {
        guard !self.isEnded else { return }
        self.isEnded = true
        arrives(self.put(parcel, now))
    }

    private mutating func put(_ parcel: Parcel, _ now: UInt64) -> UInt64 {
        var delay = UInt64(self.swarm.latencyMilliseconds) * 1_000_000 + self.extraDelay
        if self.swarm.jitterMilliseconds > 0 {
            delay += self.chance.next() % (UInt64(self.swarm.jitterMilliseconds) * 1_000_000)
        }
        self.last = max(self.last, now + delay)
        self.parcels.append((self.last, parcel))
        return self.last
    }

    private mutating func pieceSize() -> Int {
        switch self.swarm.pieces {
        case .whole: .max
        case .large: 1 + self.chance.below(1500)
        case .small: 1 + self.chance.below(self.smallest > 0 ? self.small() : 400)
        case .octets: self.singles > 0 && self.chance.percent(70) ? self.single() : 1 + self.chance.below(400)
        }
    }

    private mutating func small() -> Int {
        self.smallest -= 1
        return 60
    }

    private mutating func single() -> Int {
        self.singles -= 1
        return 1
    }

    /// Takes the next parcel off.
    mutating func next() -> Parcel? {
        guard self.head < self.parcels.count else { return nil }
        let parcel = self.parcels[self.head].parcel
        self.head += 1
        if self.head == self.parcels.count {
            self.parcels.removeAll(keepingCapacity: true)
            self.head = 0
        }
        guard case .octets(let octets) = parcel, let breaks else { return parcel }
        self.breaks?.left -= octets.count
        if octets.count < breaks.left { return parcel }
        self.isEnded = true
        return .octets(Array(octets.prefix(breaks.left)))
    }

    /// Whether the octet has passed at which it breaks.
    var isBroken: Bool { self.breaks.map { $0.left <= 0 } ?? false }

    /// Nothing is wrong with it any more.
    mutating func heal() {
        self.frozenUntil = 0
        self.extraDelay = 0
        self.breaks = nil
    }

    /// Drops all that is on its way.
    mutating func drop() {
        self.parcels.removeAll()
        self.head = 0
        self.isEnded = true
    }
}
