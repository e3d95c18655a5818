import AMQPWire

/// A channel of a client: what it has asked for, what it holds.
struct ChannelMachine: Sendable {
    enum State: Sendable {
        case open
        /// The broker has closed it, and waits for close-ok.
        case closing
    }
    enum Mode: Sendable { case plain, confirm, transaction }

    /// A message that waits for the commit.
    struct Publish: Sendable {
        let message: Message
        let isMandatory: Bool
    }

    /// What waits for the commit to settle it.
    struct Settling: Sendable {
        enum How: Sendable { case ack, requeue, reject }
        let how: How
        let unacked: [Unacked]
    }

    var state = State.open
    var assembler = ContentAssembler()
    var mode = Mode.plain
    var confirms = ConfirmLine()
    var publishes: [Publish] = []
    var settlings: [Settling] = []
    var unacked = UnackedList()
    private var nextTag: UInt64 = 1
    /// The queues of its consumers, by tag.
    var consumers: [String: QueueID] = [:]
    /// Of the queues that tell their publishers, those that it has published to.
    var tickets: [QueueID: PublishGate.Ticket] = [:]
    /// Takes replies without a queue.
    var replies: ReplyConsumer?
    /// The queue that an empty name means.
    var lastQueue = ""
    /// How many deliveries each consumer that comes may hold; 0 for any number.
    var prefetch = 0
    /// How many deliveries all consumers together may hold.
    var shared = SharedPrefetch()

    mutating func takeTag() -> UInt64 {
        defer { self.nextTag += 1 }
        return self.nextTag
    }

    var hasRoom: Bool { self.shared.hasRoom }

    mutating func share(prefetch: Int) { self.shared.set(prefetch, unacked: self.unacked.count) }

    /// What an acknowledgement means.
    ///
    /// - Throws: 406 for a tag that nobody waits for.
    mutating func take(_ tag: UInt64, multiple: Bool) throws(Refusal) -> [Unacked] {
        if multiple, tag == 0 { return self.unacked.takeAll() }
        let taken = multiple ? self.unacked.takeThrough(tag) : self.unacked.take(tag).map { [$0] }
        guard let taken else { throw .channel(.preconditionFailed, "unknown delivery tag \(tag)") }
        return taken
    }

    /// All that it holds, also what a transaction would have settled, in the order of the tags.
    mutating func takeEverything() -> [Unacked] {
        let held = self.unacked.takeAll() + self.settlings.flatMap(\.unacked)
        self.settlings = []
        self.publishes = []
        return held.sorted { $0.tag < $1.tag }
    }
}
