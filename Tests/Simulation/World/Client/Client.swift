import AMQPCore
import AMQPWire

/// One process with one connection, which it keeps up, and the owners of its channels.
final class Client {
    let index: Int
    unowned let world: World
    private(set) var keeper: ConnectionKeeper
    private var chance: Chance
    private(set) var link: Link?
    private(set) var owners: [Owner] = []
    /// Where the owners' mailboxes say that something has come: bit by bit, as a worker's second channel does.
    let bell = Mailbox()
    private var inbox = Inbox()
    private var isRinging = false
    private var stalls: StallWatch
    /// It does not run before.
    var stalledUntil: UInt64 = 0
    /// It closes its connection, to make another one or for good.
    private(set) var isLeaving = false
    private(set) var isDone = false

    init(index: Int, world: World) {
        self.index = index
        self.world = world
        self.chance = Chance(Chance.of(world.swarm.seed, UInt64(index) << 8 | 1))
        self.keeper = ConnectionKeeper(
            endpointCount: 1,
            settings: RecoverySettings(initialInterval: .milliseconds(50), maxInterval: .seconds(1)),
            patience: .endless
        )
        self.stalls = StallWatch(interval: World.tick, now: world.now)
        for place in 0..<world.swarm.publishers { self.owners.append(Publisher(client: self, index: place)) }
        for (place, mode) in world.swarm.workers.enumerated() {
            self.owners.append(Worker(client: self, index: world.swarm.publishers + place, mode: mode))
        }
    }

    var who: Trace.Who { .client(self.index) }

    // MARK: The connection

    /// Does what the keeper says is next.
    func step() {
        guard self.link == nil, !self.isDone else { return }
        while true {
            switch self.keeper.next(now: self.world.now, using: &self.chance) {
            case .connect:
                if self.connect() { return }
            case .renew: self.keeper.renewed(endpoints: nil, now: self.world.now, using: &self.chance)
            case .wait(let time):
                if time < .max { self.world.add(.connect(client: self.index), at: time) }
                return
            case .giveUp(let error):
                return self.world.violated(.ends, "the keeper of client \(self.index) gave up: \(error)")
            }
        }
    }

    private func connect() -> Bool {
        self.world.note(self.who, .connecting)
        guard let link = self.world.connect(self) else {
            let error = AMQPError(.unreachable, scope: .connection, text: "connection refused")
            self.keeper.failed(error, now: self.world.now, using: &self.chance)
            return false
        }
        self.link = link
        link.start()
        return true
    }

    /// Takes in what has become of a call of the core.
    func afterCore(_ link: Link) {
        guard link === self.link else { return }
        if link.isOpen, !self.wasOpen {
            self.wasOpen = true
            self.keeper.connected(now: self.world.now)
            self.world.note(self.who, .opened)
            for owner in self.owners { owner.open() }
        }
        self.ring()
        if let end = link.end { self.ended(link, end) }
    }
    private var wasOpen = false

    private func ended(_ link: Link, _ error: AMQPError) {
        self.world.note(self.who, .ended, UInt64(error.code.rawValue))
        self.link = nil
        self.ring()
        for owner in self.owners { owner.checkTold(link) }
        if error.code == .protocolViolation {
            self.world.violated(.protocolKept, "client \(self.index) ends the connection: \(error.text)")
        }
        if self.wasOpen {
            self.keeper.ended(error, now: self.world.now, using: &self.chance)
        } else {
            self.keeper.failed(error, now: self.world.now, using: &self.chance)
        }
        self.wasOpen = false
        self.isLeaving = false
        self.step()
    }

    /// Ten times a second, as the driver of a socket does it.
    func tick() {
        let stall = self.stalls.tick(now: self.world.now)
        if let link {
            link.core?.tick(now: self.world.now, afterStallOf: stall)
            self.afterCore(link)
        }
        for owner in self.owners { owner.ticked() }
        self.ring()
        self.leaveIfReady()
    }

    // MARK: Waking

    /// Wakes each owner whose mailbox has got something since it was woken last.
    func ring() {
        guard !self.isRinging else { return }
        self.isRinging = true
        while self.bell.take(into: &self.inbox, until: 0) {
            let bits = self.inbox.signals
            self.inbox.signals = 0
            for owner in self.owners where bits & (1 << UInt32(owner.index)) != 0 { owner.woken() }
        }
        self.isRinging = false
    }

    // MARK: Leaving

    /// Its owners end their channels, what is in hand is finished first; then the connection is closed.
    func leave(forGood: Bool) {
        if forGood { self.isDone = true }
        guard self.link != nil else { return }
        self.isLeaving = true
        for owner in self.owners { owner.drain() }
        self.ring()
        self.leaveIfReady()
    }

    /// Closes the connection when its owners have ended their channels.
    func leaveIfReady() {
        guard self.isLeaving, let link = self.link else { return }
        guard !link.isOpen || self.owners.allSatisfy({ $0.hasNoChannel }) else { return }
        link.core?.close(code: .replySuccess, text: "bye", timeout: .seconds(2), now: self.world.now)
        self.afterCore(link)
    }

    /// The owners' calls are over: what came of them is told, and what was asked of the core is done.
    func settle() {
        self.ring()
        if let link { self.afterCore(link) }
        self.leaveIfReady()
    }
}
