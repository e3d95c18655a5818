import AMQPClient
import AMQPWire

/// Takes messages out of a queue in its order, unsettled, and gives them back.
///
/// Consumers with a limited window bring them. Two things have no answer of their own in AMQP:
///
/// * Whether there are more. A look at the queue (`queue.declare`) overtakes what the queue has still to do, such as
///   taking back what others gave back. `basic.get` does not: it says how many there are, and when there are none.
/// * Whether what is given back is there again. A queue takes it back in its own time, so it is looked at until it is.
final class QueueReader {
    let queue: String
    private let channel: Channel
    /// How many were ready when the first was taken.
    private(set) var total = 0
    private var hasBegun = false
    /// Consumers of others at that time: what they had in hand is not seen.
    private(set) var otherConsumers = 0
    private var taken = 0
    private var window = LookWindow()
    private var consumers: [String] = []
    /// How many deliveries our consumers may have out, and how many of those that were taken they have.
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

    init(_ queue: String, on channel: Channel) {
        self.queue = queue
        self.channel = channel
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
        if self.held >= self.granted, self.isFed {
            let size = self.window.size(wanted: wanted)
            try self.channel.prefetch(size)
            self.consumers.append(try self.channel.consume(self.queue))
            self.granted += Int(size)
        }
        if let delivery = try self.arrived(within: self.isFed ? Self.pause : .zero) { return self.took(delivery) }
        let delivery = try self.search()
        self.isFed = delivery?.isConsumed ?? true
        return delivery.map(self.took)
    }

    private func begin() throws(AMQPError) -> Delivery? {
        try self.countOthers()
        let first = try self.search()
        self.total = first.map { 1 + $0.messagesLeft } ?? 0
        self.hasBegun = true
        return first.map(self.took)
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
                // What our consumers were sent meanwhile may stand before it.
                while let delivery = try self.channel.nextDelivery(timeout: .zero) { self.waiting.append(delivery) }
                self.waiting.append(got)
                self.waiting.sort { $0.deliveryTag < $1.deliveryTag }
                return self.waiting.removeFirst()
            }
            if let delivery = try self.arrived(within: .zero) { return delivery }
            let ready = try self.channel.declareQueue(self.queue, passive: true).messageCount
            guard ready > 0, MonotonicClock.now() < deadline else { return nil }
            if let delivery = try self.arrived(within: .milliseconds(20)) { return delivery }
        }
    }

    /// So many of those that consumers brought are settled: they may bring more.
    func settled(_ count: Int) { self.held -= count }

    /// Ends the consumers, before anything is given back: they would get it again.
    ///
    /// - Returns: What they had been sent and nobody has taken.
    func stop() throws(AMQPError) -> [Delivery] {
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
