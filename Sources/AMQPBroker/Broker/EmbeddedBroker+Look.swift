/// The back door: what a broker holds, for tests and for who looks from outside.
extension EmbeddedBroker {
    /// A queue as it is now.
    public struct QueueView: Sendable, Equatable {
        /// Its name.
        public let name: String
        /// Messages that nobody holds.
        public let ready: Int
        /// Messages in the hands of channels.
        public let unacked: Int
        /// Who takes from it.
        public let consumers: Int
        /// Whether one connection alone may use it.
        public let isExclusive: Bool

        /// Makes one, to compare with.
        public init(name: String, ready: Int, unacked: Int, consumers: Int, isExclusive: Bool = false) {
            self.name = name
            self.ready = ready
            self.unacked = unacked
            self.consumers = consumers
            self.isExclusive = isExclusive
        }
    }

    /// All queues of a virtual host, by name.
    public func queues(in virtualHost: String = "/") -> [QueueView] {
        guard let vhost = self.vhosts.first(where: { $0.name == virtualHost }) else { return [] }
        return vhost.queues.keys.sorted().compactMap { name in
            guard let id = vhost.queues[name] else { return nil }
            return QueueView(
                name: name,
                ready: self.queues[id].ready.count,
                unacked: self.queues[id].unacked,
                consumers: self.queues[id].consumers.count,
                isExclusive: self.queues[id].owner != nil
            )
        }
    }

    /// How many consumers a declaration of a queue is told.
    package func consumersTold(of queue: String, in virtualHost: String = "/") -> Int {
        let id = self.vhosts.first { $0.name == virtualHost }?.queues[queue]
        return id.map { self.queues[$0].consumersTold } ?? 0
    }

    /// The connections that are open.
    public var connectionIDs: [ConnectionID] { self.connections.ids }

    /// The messages of a queue that nobody holds, in the order in which they go out.
    package func messages(of queue: String, in virtualHost: String = "/") -> [QueueEntry] {
        guard let vhost = self.vhosts.first(where: { $0.name == virtualHost }), let id = vhost.queues[queue] else {
            return []
        }
        return self.queues[id].ready.all
    }

    /// How many messages are in the hands of channels.
    package var heldByChannels: Int {
        self.connections.ids.reduce(0) { sum, id in
            sum
                + self.connections[id].channels.values.reduce(0) {
                    $0 + $1.unacked.count + $1.settlings.reduce(0) { $0 + $1.unacked.count }
                }
        }
    }

    /// The messages in the hands of channels, in no order.
    package var messagesInHand: [Message] { self.held.map(\.entry.message) }

    /// The same of one queue.
    package func messagesInHand(of queue: String, in virtualHost: String = "/") -> [Message] {
        guard let id = self.vhosts.first(where: { $0.name == virtualHost })?.queues[queue] else { return [] }
        return self.held.filter { $0.queue == id }.map(\.entry.message)
    }

    private var held: [Unacked] {
        self.connections.ids.flatMap { id in
            self.connections[id].channels.values.flatMap { $0.unacked.all + $0.settlings.flatMap(\.unacked) }
        }
    }

    /// Whether what queues say of their consumers is what channels hold.
    package var countsAgree: Bool {
        var held: [QueueID: Int] = [:]
        for id in self.connections.ids {
            for channel in self.connections[id].channels.values {
                for queue in channel.everythingHeld { held[queue, default: 0] += 1 }
            }
        }
        return self.queues.ids.allSatisfy { self.queues[$0].unacked == held[$0, default: 0] }
    }
}

extension ChannelMachine {
    /// The queues of all that it holds, one for each message.
    fileprivate var everythingHeld: [QueueID] {
        var copy = self
        return copy.takeEverything().map(\.queue)
    }
}
