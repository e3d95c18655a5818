public import AMQPClient

/// The dead letters of one job, on an open channel of the caller's.
///
/// Looking takes messages out unsettled, and ``putBack()`` gives them back in their order, marked as redelivered; others
/// that look at the same time see the rest. Only what was confirmed or asked to be removed is acked: whatever ends the
/// channel, nothing is lost.
///
/// A quorum queue counts each look as a delivery, up to a limit at which the broker drops the message. So what was looked
/// at before goes back as a copy of itself, which counts from the beginning; until then its body is kept.
public final class FailedMessageBox {
    /// The queue that they are in.
    public let queue: String
    /// The queue that their job consumes, the first of several whose dead letters are here.
    public var jobQueue: String { self.homes[0] }
    /// The queues of their job whose dead letters are here.
    public let homes: [String]
    /// The caller's, or one in its place that such a queue needs.
    var channel: Channel { self.reader.channel }
    private let reader: QueueReader
    /// False if it is one that the first dead letter makes, and none came yet.
    private let isThere: Bool
    private struct InHand {
        let tag: UInt64
        /// Empty if it was asked for without one.
        let consumer: String
        /// The message, if it goes back as a copy of itself.
        let worn: FailedMessage?
    }
    /// In the queue's order.
    private var inHand: [InHand] = []
    private var places = 0
    let seal: CopySeal
    private var names = DeadLetterNames()
    /// What was settled, and may not be written down yet by a quorum queue.
    private var tail = SettlingTail(frames: 0)

    /// How many there were when the latest look began, not counting those that somebody had in hand.
    public var total: Int { self.reader.total }
    /// Consumers that the queue had then, or when it was purged: what they have in hand is not seen.
    ///
    /// Another look is one of them.
    public var otherConsumers: Int { self.reader.otherConsumers }

    /// Opens the box of a job.
    ///
    /// - Parameters:
    ///   - job: One of the file's.
    ///   - file: Tells where its dead letters go.
    ///   - queue: The dead-letter queue; nil lets the file say.
    ///   - channel: In confirm mode from here on.
    ///   - connection: The channel's, if it is known: copies carry its user, so that the job's supervisor believes what they say of
    ///     themselves; and a queue that ends the channel when it is asked for a message is read on another.
    /// - Throws: A ``FailedMessageError`` if the queue is not known; why the channel ended.
    public init(
        of job: JobDefinition,
        in file: JobFile,
        queue: String? = nil,
        on channel: Channel,
        of connection: Connection? = nil
    ) throws {
        connection?.learnLogin()
        self.seal = connection.map(CopySeal.init) ?? CopySeal(user: nil)
        let box = try queue ?? file.deadLetterQueue(of: job)
        self.queue = box
        self.homes = file.homes(of: job, deadLettersIn: box)
        self.reader = try QueueReader(self.queue, on: channel, of: connection)
        let topology = Topology(file)
        let isOurs = job.queues.contains {
            topology.deadLetter(of: $0).isOurs && topology.deadLetter(of: $0).name == box
        }
        if isOurs, queue == nil || job.queues.count > 1 {
            self.isThere = try Self.exists(self.queue, on: channel)
        } else {
            self.isThere = true
        }
    }

    /// A missing queue ends the channel: an empty box needs none.
    private static func exists(_ queue: String, on channel: Channel) throws(AMQPError) -> Bool {
        do throws(AMQPError) {
            _ = try channel.declareQueue(queue, passive: true)
            return true
        } catch {
            guard error.code.rawValue == 404 else { throw error }
            return false
        }
    }

    /// How many there are, not counting those that somebody has in hand.
    ///
    /// - Throws: Why the channel ended: 404 if there is no such queue.
    public func count() throws(AMQPError) -> Int {
        self.isThere ? Int(try self.channel.declareQueue(self.queue, passive: true).messageCount) : 0
    }

    /// Takes messages in hand, oldest first; they stay there until ``putBack()``.
    ///
    /// None that came after the first was taken.
    ///
    /// - Parameters:
    ///   - limit: At most this many.
    ///   - visit: Called for each; false ends the look. What it does not keep costs no memory.
    /// - Throws: What `visit` throws; why the channel ended.
    public func look(atMost limit: Int = .max, _ visit: (FailedMessage) throws -> Bool) throws {
        var seen = 0
        while self.isThere, seen < limit, let delivery = try self.reader.next(atMost: limit - seen) {
            seen += 1
            guard try visit(self.take(delivery)) else { return }
        }
    }

    @discardableResult
    private func take(_ delivery: Delivery) -> FailedMessage {
        self.places += 1
        let message = FailedMessage(delivery, place: self.places, names: &self.names)
        let isWorn = (message.deliveryCount ?? 0) > 0
        self.inHand.append(
            InHand(tag: message.tag, consumer: delivery.consumerTag, worn: isWorn ? message : nil)
        )
        return message
    }

    /// Takes up to `limit` messages in hand and keeps them: no more than `bytes` of bodies, but at least one.
    ///
    /// - Returns: Those that were taken now; empty when there are no more.
    public func take(_ limit: Int, bytes: Int = .max) throws -> [FailedMessage] {
        var taken: [FailedMessage] = []
        var size = 0
        try self.look(atMost: limit) { message in
            taken.append(message)
            size += message.bodyByteCount
            return size < bytes
        }
        return taken
    }

    /// Puts back what is in hand, so that the queue's order stays, and waits until it is there again.
    ///
    /// - Returns: How many the queue has then.
    /// - Throws: Why the channel ended; the broker then puts them back.
    @discardableResult
    public func putBack() throws(AMQPError) -> Int {
        guard self.isThere else { return 0 }
        self.channel.sendAcks()
        let frames = self.channel.settlingFrames
        for delivery in try self.reader.stop() { self.take(delivery) }
        // A consumer's end is answered when what was settled before is written down.
        if self.reader.hasCancelled { self.tail = SettlingTail(frames: frames) }
        let hands = self.inHand
        self.inHand.removeAll()  // none of them has to be looked for when its copy is confirmed
        let kept = try self.renew(hands.compactMap(\.worn))
        let rest = hands.filter { $0.worn == nil || kept.contains($0.tag) }
        self.places = 0
        self.names = DeadLetterNames()
        self.awaitWritten()
        let status = try self.reader.giveBack(rest.map { ($0.tag, $0.consumer) })
        self.reader.reset()
        return status.messageCount
    }

    /// Puts copies at the queue's end and acks what they are copies of, when the broker has confirmed them.
    ///
    /// - Returns: The tags of those whose copies the queue did not take.
    private func renew(_ messages: [FailedMessage]) throws(AMQPError) -> Set<UInt64> {
        var kept: Set<UInt64> = []
        var batch = Batch()
        func settle() throws(AMQPError) {
            for message in try self.settle(&batch).refused { kept.insert(message.message.tag) }
        }
        for (index, message) in messages.enumerated() {
            if index == messages.count - 1 { try settle() }
            let copy = OutgoingMessage(
                message.body,
                routingKey: self.queue,
                properties: RenewedProperties.of(message.properties, seal: self.seal),
                mandatory: true
            )
            if try self.send(copy, of: message, in: &batch) != nil { kept.insert(message.tag) }
            if batch.isFull { try settle() }
        }
        let frames = self.channel.settlingFrames
        try settle()
        // The queue has the last copy, and with it all that was settled before it came.
        if let last = messages.last, !kept.contains(last.tag) { self.tail = SettlingTail(frames: frames) }
        return kept
    }

    /// Removes messages for good.
    ///
    /// - Parameter messages: In hand.
    /// - Throws: Why the channel ended; some of them may then come back.
    public func remove(_ messages: [FailedMessage]) throws(AMQPError) {
        try self.ack(messages)
        try self.awaitSettled()
    }

    /// Removes all that nobody has in hand.
    ///
    /// - Returns: How many there were.
    public func purge() throws(AMQPError) -> Int {
        guard self.isThere else { return 0 }
        try self.reader.countOthers()
        return try self.channel.purgeQueue(self.queue)
    }

    private func ack(_ messages: [FailedMessage]) throws(AMQPError) {
        let tags = Set(messages.map(\.tag))
        for message in messages { _ = self.channel.ack(tag: message.tag) }
        for message in self.inHand where tags.contains(message.tag) {
            self.reader.settled(ofConsumer: message.consumer)
        }
        self.inHand.removeAll { tags.contains($0.tag) }
    }

    /// Waits as long as it takes a quorum queue to write down what was settled, before the channel can end.
    private func awaitWritten() {
        self.channel.sendAcks()
        self.tail.look(frames: self.channel.settlingFrames, now: MonotonicClock.now())
        while self.channel.isOpen, let time = self.tail.mayCloseAt, MonotonicClock.now() < time {
            self.channel.pump(until: time)
            self.tail.look(frames: self.channel.settlingFrames, now: MonotonicClock.now())
        }
    }

    /// A request behind the settlements: when it is answered, the broker has seen them.
    private func awaitSettled() throws(AMQPError) {
        if self.isThere { _ = try self.channel.declareQueue(self.queue, passive: true) }
    }
}
