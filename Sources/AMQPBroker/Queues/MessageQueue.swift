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
    /// Those that have died and wait for their targets.
    var deadLetters = Ring<DeadLetter>()
    /// In the order in which their turns come, those of higher priority first.
    private(set) var consumers: [QueueConsumer] = []
    /// The one that is served, if only one is to be.
    private(set) var activeConsumer: UInt64?
    private var nextPosition: UInt64 = 0
    /// Deliveries to consumers that take without acks.
    private(set) var givenAway = 0
    /// It takes nothing, by a test's hand.
    var isRefusing = false
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
        self.ready = ReadyMessages(priorities: options.maxPriority, returnsFirst: options.kind == .quorum)
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
            expiresAt: ttl == .max ? .max : now + ttl
        )
    }

    /// Whether one more would be too many.
    func isFull(with more: Int) -> Bool {
        if let most = self.options.maxLength, self.ready.count + 1 > most { return true }
        if let most = self.options.maxBytes, self.ready.bytes + more > most { return true }
        return false
    }

    /// Whether it holds more than it may.
    var isOverfull: Bool {
        if let most = self.options.maxLength, self.ready.count > most { return true }
        if let most = self.options.maxBytes, self.ready.bytes > most { return true }
        return false
    }

    /// When there is something to do without anybody asking.
    var deadline: UInt64 {
        var deadline = self.ready.isEmpty ? UInt64.max : self.expiresAt
        if let expires = self.options.expires, self.consumers.isEmpty {
            deadline = Swift.min(deadline, self.usedAt + expires)
        }
        return deadline
    }

    // MARK: Consumers

    mutating func add(_ consumer: QueueConsumer) {
        let place = self.consumers.firstIndex { $0.priority < consumer.priority } ?? self.consumers.endIndex
        self.consumers.insert(consumer, at: place)
        if self.options.isSingleActive, self.activeConsumer == nil { self.activeConsumer = consumer.id }
    }

    @discardableResult
    mutating func removeConsumer(_ tag: String, of channel: ChannelRef) -> Bool {
        guard let index = self.consumers.firstIndex(where: { $0.tag == tag && $0.channel == channel }) else {
            return false
        }
        let removed = self.consumers.remove(at: index)
        if self.activeConsumer == removed.id { self.activeConsumer = self.consumers.first?.id }
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

    /// Where the one stands whose turn it is, of those that `may` take one.
    func nextConsumer(_ may: (QueueConsumer) -> Bool) -> Int? {
        if self.options.isSingleActive {
            return self.consumers.firstIndex { $0.id == self.activeConsumer && $0.hasRoom && may($0) }
        }
        return self.consumers.firstIndex { $0.hasRoom && may($0) }
    }

    /// One was given a message: others of its priority come first now.
    mutating func served(_ index: Int, holds: Bool) {
        if holds {
            self.consumers[index].inFlight += 1
            self.unacked += 1
        } else {
            self.givenAway += 1
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
        guard consumer != 0, let index = self.consumers.firstIndex(where: { $0.id == consumer }) else { return }
        self.consumers[index].inFlight -= 1
    }
}
