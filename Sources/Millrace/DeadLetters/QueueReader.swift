import AMQPClient
import AMQPWire

/// Takes messages out of a queue in its order, unsettled, and gives them back.
///
/// Consumers with a limited window bring them. Two things have no answer of their own in AMQP:
///
/// * Whether there are more. A look at the queue (`queue.declare`) overtakes what the queue has still to do, such as
///   taking back what others gave back. `basic.get` does not: it says how many there are, and when there are none.
/// * Whether what is given back is there again. A queue takes it back in its own time, so it is looked at until it is.
///
/// Two kinds of queues are read otherwise: one with consumers of others is asked for each message, for a consumer may be
/// refused (403) or get nothing; a quorum queue with a single active consumer refuses to be asked (405), so one consumer of
/// ours after the other brings its messages.
final class QueueReader {
    let queue: String
    private(set) var channel: Channel
    /// For a queue that has ended the first one; nil if there can be no other.
    private let connection: Connection?
    private var way = Way.both
    private enum Way { case both, asking, consuming }
    /// How many were ready when the first was taken.
    private(set) var total = 0
    private var hasBegun = false
    /// Consumers of others at that time: what they had in hand is not seen.
    private(set) var otherConsumers = 0
    private var taken = 0
    private var window = LookWindow()
    private var consumers: [String] = []
    /// Whether the latest stop had consumers to end.
    private(set) var hasCancelled = false
    /// How many deliveries the consumers that run may have out, and how many of those that were taken they have.
    private var granted = 0
    private var held = 0
    /// False while a queue that has some sends our consumers none: it may have a single active one that is another.
    private var isFed = true
    /// Came while the answer of a `basic.get` was awaited.
    private var waiting: [Delivery] = []

    /// How long a queue that has messages, and gives out none of them, is asked again.
    private static let patience = Duration.seconds(5)
    /// How long a consumer's delivery may take before the queue is asked whether there are any.
    private static let pause = Duration.milliseconds(100)

    init(_ queue: String, on channel: Channel, of connection: Connection?) throws(AMQPError) {
        self.queue = queue
        self.channel = channel
        self.connection = connection
        try Self.prepare(channel)
    }

    /// The most acks that go with one frame.
    static let ackBatch = 100

    private static func prepare(_ channel: Channel) throws(AMQPError) {
        channel.batchAcks(Self.ackBatch)  // few frames: a quorum queue keeps many back, and forgets them at the end
        try channel.selectConfirms()
    }

    /// The next message of those that were there when the first was taken.
    ///
    /// - Parameter wanted: So many will be asked for, this one included.
    /// - Returns: Nil when there are no more.
    /// - Throws: Why the channel ended.
    func next(atMost wanted: Int) throws(AMQPError) -> Delivery? {
        guard self.hasBegun else { return try self.begin() }
        let wanted = min(wanted, self.total - self.taken)
        guard wanted > 0 else { return nil }
        if let delivery = try self.arrived(within: .zero) { return self.took(delivery) }
        if self.held >= self.granted, self.isFed, self.way != .asking { try self.consume(wanted) }
        if self.way == .consuming { return try self.awaitDelivery().map(self.took) }
        let isFed = self.isFed && self.way == .both
        if let delivery = try self.arrived(within: isFed ? Self.pause : .zero) { return self.took(delivery) }
        let delivery = try self.search()
        self.isFed = delivery?.isConsumed ?? true
        return delivery.map(self.took)
    }

    private func consume(_ wanted: Int) throws(AMQPError) {
        if self.way == .consuming {
            // Of several one alone would get any.
            for consumer in self.consumers { try self.channel.cancel(consumer) }
            self.consumers = []
            self.granted = 0
            self.held = 0
        }
        let size = self.window.size(wanted: wanted)
        try self.channel.prefetch(size)
        self.consumers.append(try self.channel.consume(self.queue))
        self.granted += Int(size)
    }

    private func begin() throws(AMQPError) -> Delivery? {
        try self.countOthers()
        self.way = self.otherConsumers > 0 ? .asking : .both
        let first: Delivery?
        do throws(AMQPError) {
            first = try self.search()
            self.total = first.map { 1 + $0.messagesLeft } ?? 0
        } catch {
            guard error.code == AMQPError.Code(.resourceLocked), let connection, self.consumers.isEmpty else {
                throw error
            }
            self.channel = try connection.openChannel()
            try Self.prepare(self.channel)
            first = try self.beginConsuming()
        }
        self.hasBegun = true
        return first.map(self.took)
    }

    /// The queue may not be asked.
    private func beginConsuming() throws(AMQPError) -> Delivery? {
        self.way = .consuming
        let status = try self.channel.declareQueue(self.queue, passive: true)
        guard status.consumerCount == 0 else {
            throw AMQPError(
                .refusedLocally,
                scope: .call,
                text: "'\(self.queue)' is a quorum queue that gives its messages to one consumer at a time"
                    + " (x-single-active-consumer), and another has it; stop that consumer, then look again"
            )
        }
        self.total = status.messageCount
        guard self.total > 0 else { return nil }
        try self.consume(self.total)
        return try self.awaitDelivery()
    }

    /// The next message of the one consumer there is, while the queue says that it has any.
    private func awaitDelivery() throws(AMQPError) -> Delivery? {
        let deadline = MonotonicClock.deadline(in: Self.patience) ?? 0
        while true {
            if let delivery = try self.arrived(within: Self.pause) { return delivery }
            let ready = try self.channel.declareQueue(self.queue, passive: true).messageCount
            guard ready > 0, MonotonicClock.now() < deadline else { return try self.arrived(within: Self.pause) }
        }
    }

    func countOthers() throws(AMQPError) {
        self.otherConsumers = try self.channel.declareQueue(self.queue, passive: true).consumerCount
    }

    private func took(_ delivery: Delivery) -> Delivery {
        self.taken += 1
        self.window.saw(bytes: delivery.bodyByteCount)
        if delivery.isConsumed { self.held += 1 }
        return delivery
    }

    private func arrived(within timeout: Duration) throws(AMQPError) -> Delivery? {
        if !self.waiting.isEmpty { return self.waiting.removeFirst() }
        return try self.channel.nextDelivery(timeout: timeout)
    }

    /// Asks the queue itself, again and again while it says that it has some.
    private func search() throws(AMQPError) -> Delivery? {
        let deadline = MonotonicClock.deadline(in: Self.patience) ?? 0
        while true {
            if let got = try self.channel.get(self.queue) {
                // The broker's channel answers before it passes on what the queue had sent our consumers already: that
                // comes before the next answer.
                if !self.consumers.isEmpty { _ = try self.channel.declareQueue(self.queue, passive: true) }
                while let delivery = try self.channel.nextDelivery(timeout: .zero) { self.waiting.append(delivery) }
                self.waiting.append(got)
                return self.waiting.removeFirst()
            }
            if let delivery = try self.arrived(within: .zero) { return delivery }
            let ready = try self.channel.declareQueue(self.queue, passive: true).messageCount
            guard ready > 0, MonotonicClock.now() < deadline else { return nil }
            if let delivery = try self.arrived(within: .milliseconds(20)) { return delivery }
        }
    }

    /// A message is settled that this consumer brought: it may bring another, unless it has ended.
    func settled(ofConsumer tag: String) {
        if self.consumers.contains(tag) { self.held -= 1 }
    }

    /// Ends the consumers, before anything is given back: they would get it again.
    ///
    /// - Returns: What they had been sent and nobody has taken.
    func stop() throws(AMQPError) -> [Delivery] {
        self.hasCancelled = !self.consumers.isEmpty
        for consumer in self.consumers { try self.channel.cancel(consumer) }
        self.consumers = []
        var rest = self.waiting
        self.waiting = []
        while let delivery = try self.channel.nextDelivery(timeout: .zero) { rest.append(delivery) }
        return rest
    }

    /// Gives back what is still unsettled, and waits until it is in the queue.
    ///
    /// A classic queue puts each in its old place. A quorum queue gives out what came back before all else, in the order
    /// of coming back, and brokers gather what one consumer had: so it goes consumer by consumer, the oldest first.
    ///
    /// - Parameter hands: Tags and their consumers, in the order of the tags: all that is unsettled on the channel.
    /// - Returns: What the queue has then.
    /// - Throws: Why the channel ended.
    func giveBack(_ hands: [(tag: UInt64, consumer: String)]) throws(AMQPError) -> QueueStatus {
        var status = try self.channel.declareQueue(self.queue, passive: true)
        var rest = hands[...]
        while let first = rest.first {
            let run = rest.prefix { $0.consumer == first.consumer }
            _ = self.channel.giveBack(tags: run.map(\.tag))
            rest = rest.dropFirst(run.count)
        }
        let wanted = status.messageCount + hands.count
        var best = 0
        var deadline = MonotonicClock.deadline(in: Self.patience) ?? 0
        while true {
            status = try self.channel.declareQueue(self.queue, passive: true)
            // Never reached if somebody takes them at once, or the queue has a limit that they no longer fit in.
            guard status.messageCount < wanted, MonotonicClock.now() < deadline else { break }
            if status.messageCount > best {
                best = status.messageCount
                deadline = MonotonicClock.deadline(in: self.otherConsumers > 0 ? Self.pause : Self.patience) ?? 0
            }
            _ = try self.channel.nextDelivery(timeout: .milliseconds(5))  // nobody consumes: a pause
        }
        return status
    }

    /// The next look begins anew.
    func reset() {
        self.hasBegun = false
        self.taken = 0
        self.window = LookWindow()
        self.granted = 0
        self.held = 0
        self.isFed = true
        self.way = .both
    }
}

extension Delivery {
    /// Whether a consumer brought it, and not `basic.get`.
    var isConsumed: Bool { self.consumerTag != "" }

    var consumerTag: String { (try? self.envelope)?.consumerTag ?? "" }

    /// How many more a `basic.get` left ready in the queue.
    var messagesLeft: Int {
        var reader = WireReader(self.block.slice(self.record.methodOffset, self.record.methodLength))
        guard (try? reader.skip(4)) != nil, let got = try? BasicGetOk(from: &reader) else { return 0 }
        return Int(got.messageCount)
    }
}
