import AMQPWire

/// A queue: what it is, what it holds, who takes from it.
///
/// What happens because of that is the broker's.
struct MessageQueue: Sendable {
    let id: QueueID
    let name: String
    /// The place of its virtual host.
    let vhost: Int
    let isDurable: Bool
    let isAutoDelete: Bool
    /// The one connection that may use it.
    let owner: ConnectionID?
    let arguments: FieldTable
    let options: QueueOptions
    var ready: ReadyMessages
    /// Those that channels hold.
    var unacked = 0
    /// What has come back and waits.
    var waiting = WaitingMessages()
    /// Those that have died and wait for their targets.
    var deadLetters = Ring<DeadLetter>()
    /// In the order in which their turns come, those of higher priority first.
    private(set) var consumers: [QueueConsumer] = []
    /// The one that is served, if only one is to be.
    private(set) var activeConsumer: UInt64?
    /// Another one has a higher priority: the active one gets nothing more, and is not it any more when it holds nothing.
    private(set) var isYielding = false
    private var nextPosition: UInt64 = 0
    /// Deliveries to consumers that take without acks.
    private(set) var givenAway = 0
    /// Messages whose time was over.
    var expired = 0
    /// Messages that gets hold.
    private var gotten = 0
    /// How many messages consumers of a quorum queue hold that were cancelled.
    private var left: [UInt64: Int] = [:]
    /// It takes nothing, by a test's hand.
    var isRefusing = false
    /// Of one that tells its publishers.
    var gate = PublishGate()
    /// When it looks next for what has expired, in milliseconds.
    var expiresAt = UInt64.max
    /// When it was used last, in milliseconds.
    var usedAt: UInt64
    /// When the broker looks at it next.
    var armedAt = UInt64.max

    init(
        id: QueueID,
        name: String,
        vhost: Int,
        isDurable: Bool,
        isAutoDelete: Bool,
        owner: ConnectionID?,
        arguments: FieldTable,
        options: QueueOptions,
        now: UInt64
    ) {
        self.id = id
        self.name = name
        self.vhost = vhost
        self.isDurable = isDurable
        self.isAutoDelete = isAutoDelete
        self.owner = owner
        self.arguments = arguments
        self.options = options
        self.ready = ReadyMessages(options.order, countsProperties: options.countsProperties)
        self.usedAt = now
    }

    // MARK: Messages

    /// The entry of a message that comes in now.
    mutating func makeEntry(_ message: Message, now: UInt64) -> QueueEntry {
        defer { self.nextPosition += 1 }
        let ttl = Swift.min(message.facts.expiration ?? .max, self.options.messageTTL ?? .max)
        return QueueEntry(
            message: message,
            position: self.nextPosition,
            expiresAt: ttl == .max ? .max : now + ttl,
            isRedelivered: message.deliveryCount > 0
                && (self.options.kind == .quorum || self.options.earlierDeliveries == .counted),
            deliveryCount: self.options.earlierDeliveries == .counted ? message.deliveryCount : 0
        )
    }

    /// What counts toward its limits: what waits does, though nobody sees it.
    private var length: Int { self.ready.count + self.waiting.count }
    private var bytes: Int { self.ready.bytes + self.waiting.bytes }

    /// What has waited long enough goes out as what has just come back.
    mutating func endWaits(now: UInt64) {
        guard self.waiting.nextDue <= now else { return }
        for entry in self.waiting.take(dueBy: now) { self.ready.putBack(entry) }
    }

    /// Whether one more would be too many.
    func isFull(with more: Int) -> Bool {
        if let most = self.options.maxLength, self.length + 1 > most { return true }
        if let most = self.options.maxBytes, self.bytes + more > most { return true }
        return false
    }

    /// Whether it holds more than it may.
    var isOverfull: Bool {
        if let most = self.options.maxLength, self.length > most { return true }
        if let most = self.options.maxBytes, self.bytes > most { return true }
        return false
    }

    /// Whether it holds four fifths of what it may, or less.
    private var isLow: Bool {
        if let most = self.options.maxLength, self.length > most * 4 / 5 { return false }
        if let most = self.options.maxBytes, self.bytes > most * 4 / 5 { return false }
        return true
    }

    /// Tells publishers what has become of it.
    mutating func noteLength() { self.gate.note(isOver: self.isOverfull, isLow: self.isLow) }

    /// When there is something to do without anybody asking.
    var deadline: UInt64 {
        var deadline = Swift.min(self.ready.isEmpty ? UInt64.max : self.expiresAt, self.waiting.nextDue)
        if let expires = self.options.expires, self.consumers.isEmpty {
            deadline = Swift.min(deadline, self.usedAt + expires)
        }
        return deadline
    }

    // MARK: Consumers

    mutating func add(_ consumer: QueueConsumer) {
        let place = self.consumers.firstIndex { $0.priority < consumer.priority } ?? self.consumers.endIndex
        self.consumers.insert(consumer, at: place)
        guard self.options.isSingleActive else { return }
        if self.activeConsumer == nil { self.activeConsumer = consumer.id } else { self.giveWay() }
    }

    /// The turn goes to one of higher priority, if there is one and turns do that.
    private mutating func giveWay() {
        guard self.options.turns == .yielding, let first = self.consumers.first,
            let active = self.consumers.first(where: { $0.id == self.activeConsumer }), first.priority > active.priority
        else { return }
        self.isYielding = active.inFlight > 0
        if !self.isYielding { self.activeConsumer = first.id }
    }

    @discardableResult
    mutating func removeConsumer(_ tag: String, of channel: ChannelRef) -> Bool {
        guard let index = self.consumers.firstIndex(where: { $0.tag == tag && $0.channel == channel }) else {
            return false
        }
        let removed = self.consumers.remove(at: index)
        if self.activeConsumer == removed.id {
            let isByArrival = self.options.turns == .byArrival
            self.activeConsumer = isByArrival ? self.consumers.map(\.id).min() : self.consumers.first?.id
            self.isYielding = false
        }
        if self.options.kind == .quorum, removed.inFlight > 0 { self.left[removed.id] = removed.inFlight }
        return true
    }

    mutating func removeConsumers() -> [QueueConsumer] {
        defer {
            self.consumers = []
            self.activeConsumer = nil
        }
        return self.consumers
    }

    var hasExclusiveConsumer: Bool { self.consumers.contains { $0.isExclusive } }

    /// One was given a message: others of its priority come first now.
    mutating func served(_ index: Int, holds: Bool) {
        if holds {
            self.consumers[index].inFlight += 1
            self.unacked += 1
        } else {
            self.givenAway += 1
            self.consumers[index].givenAway += 1
        }
        guard self.consumers.count > 1 else { return }
        let priority = self.consumers[index].priority
        var last = index
        while last + 1 < self.consumers.count, self.consumers[last + 1].priority == priority { last += 1 }
        guard last > index else { return }
        let consumer = self.consumers.remove(at: index)
        self.consumers.insert(consumer, at: last)
    }

    /// A message that a consumer held, or a get (0), is in its hands no more.
    mutating func settled(by consumer: UInt64) {
        self.unacked -= 1
        if consumer == 0 {
            self.gotten -= 1
        } else if let index = self.consumers.firstIndex(where: { $0.id == consumer }) {
            self.consumers[index].inFlight -= 1
            if self.isYielding, self.consumers[index].inFlight == 0 {
                self.activeConsumer = self.consumers[0].id
                self.isYielding = false
            }
        } else if let count = self.left[consumer] {
            self.left[consumer] = count > 1 ? count - 1 : nil
        }
    }

    /// A get holds a message.
    mutating func got() {
        self.unacked += 1
        self.gotten += 1
    }

    /// The consumers that declarations are told.
    ///
    /// For a quorum queue a get is one until its message is settled, so is a consumer that was cancelled while it held
    /// some, and those that wait for their turn as the single active one are none.
    var consumersTold: Int {
        guard self.options.kind == .quorum else { return self.consumers.count }
        let present = self.options.isSingleActive ? Swift.min(self.consumers.count, 1) : self.consumers.count
        return present + self.gotten + self.left.count
    }
}
