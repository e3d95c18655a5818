import AMQPCore

/// The client's socket: it takes as much as its world lets it, and looks at all that goes out.
// @unchecked Sendable: a run has one thread.
final class LinkTransport: OutboundTransport, @unchecked Sendable {
    private weak var link: Link?
    private var later: [UInt8] = []
    private var waiting: Outbox?
    private var chance: Chance
    private let full: Int
    /// The run is over: what is still written goes nowhere.
    var isCut = false

    init(_ swarm: Swarm, salt: UInt64) {
        self.chance = Chance(Chance.of(swarm.seed, salt))
        self.full = swarm.fullSocket
    }

    func serves(_ link: Link) { self.link = link }

    func writeNow(_ bytes: UnsafeRawBufferPointer) -> DirectWrite {
        guard !self.isCut, let link, !link.isOver else { return .broken }
        guard self.full > 0, self.chance.percent(self.full) else {
            link.writes(bytes)
            return .wrote(bytes.count)
        }
        let taken = self.chance.percent(50) ? 0 : self.chance.below(bytes.count)
        guard taken > 0 else { return .unavailable }
        link.writes(UnsafeRawBufferPointer(rebasing: bytes[..<taken]))
        return .wrote(taken)
    }

    func writeLater(_ bytes: UnsafeRawBufferPointer, for outbox: Outbox) {
        self.later.append(contentsOf: bytes)
        self.waiting = outbox
        self.link?.socketIsFull()
    }

    /// The socket has room again: what waited for it goes out.
    func drain() {
        guard let outbox = self.waiting else { return }
        let later = self.later
        self.later = []
        self.waiting = nil
        later.withUnsafeBytes { self.link?.writes($0) }
        outbox.writeFinished()
    }
}
