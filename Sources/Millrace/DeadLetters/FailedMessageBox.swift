public import AMQPClient

/// The dead letters of one job, on an open channel of the caller's.
///
/// Looking takes messages out unsettled, one by one, and ``putBack()`` gives them back in their order, marked as
/// redelivered; others that look at the same time see the rest. Only what was confirmed or asked to be removed is acked:
/// whatever ends the channel, nothing is lost.
///
/// A quorum queue counts each look as a delivery, up to a limit at which the broker drops the message. So what was looked
/// at before goes back as a copy of itself, which counts from the beginning; until then its body is kept.
public final class FailedMessageBox {
    /// The queue that they are in.
    public let queue: String
    /// The queue that their job consumes.
    public let jobQueue: String
    private let channel: Channel
    /// False if it is one that the first dead letter makes, and none came yet.
    private let isThere: Bool
    private struct InHand {
        let tag: UInt64
        /// The message, if it goes back as a copy of itself.
        let worn: FailedMessage?
    }
    /// In the queue's order.
    private var inHand: [InHand] = []
    private var places = 0

    /// Opens the box of a job.
    ///
    /// - Parameters:
    ///   - job: One of the file's.
    ///   - file: Tells where its dead letters go.
    ///   - queue: The dead-letter queue; nil lets the file say.
    ///   - channel: In confirm mode from here on.
    /// - Throws: A ``FailedMessageError`` if the queue is not known; why the channel ended.
    public init(of job: JobDefinition, in file: JobFile, queue: String? = nil, on channel: Channel) throws {
        self.channel = channel
        self.jobQueue = job.queue
        self.queue = try queue ?? file.deadLetterQueue(of: job)
        try channel.selectConfirms()
        if queue == nil, Topology(file).deadLetter(of: job.queue).isOurs {
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
    /// - Parameters:
    ///   - limit: At most this many.
    ///   - visit: Called for each; false ends the look. What it does not keep costs no memory.
    /// - Throws: What `visit` throws; why the channel ended.
    public func look(atMost limit: Int, _ visit: (FailedMessage) throws -> Bool) throws {
        var seen = 0
        while self.isThere, seen < limit, let delivery = try self.channel.get(self.queue) {
            seen += 1
            self.places += 1
            let message = FailedMessage(delivery, place: self.places)
            let isWorn = (message.deliveryCount ?? 0) > 0
            self.inHand.append(InHand(tag: message.tag, worn: isWorn ? message : nil))
            guard try visit(message) else { return }
        }
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

    /// Puts back what is in hand, the oldest first, so that the queue's order stays.
    ///
    /// A classic queue puts each in its old place, whatever comes first. A quorum queue gives out what came back before
    /// all else, in the order of coming back: newest first would turn it round.
    ///
    /// - Throws: Why the channel ended; the broker then puts them back.
    public func putBack() throws(AMQPError) {
        let kept = try self.renew(self.inHand.compactMap(\.worn))
        for message in self.inHand where message.worn == nil || kept.contains(message.tag) {
            _ = self.channel.nack(tag: message.tag, requeue: true)
        }
        self.inHand.removeAll()
        self.places = 0
        try self.awaitSettled()
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
        for message in messages {
            let copy = OutgoingMessage(
                message.body,
                routingKey: self.queue,
                properties: RenewedProperties.of(message.properties),
                mandatory: true
            )
            if try self.send(copy, of: message, in: &batch) != nil { kept.insert(message.tag) }
            if batch.isFull { try settle() }
        }
        try settle()
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
        self.isThere ? Int(try self.channel.purgeQueue(self.queue)) : 0
    }

    private func ack(_ messages: [FailedMessage]) throws(AMQPError) {
        let tags = Set(messages.map(\.tag))
        for message in messages { _ = self.channel.ack(tag: message.tag) }
        self.inHand.removeAll { tags.contains($0.tag) }
    }

    /// A request behind the settlements: when it is answered, the broker has seen them.
    private func awaitSettled() throws(AMQPError) {
        if self.isThere { _ = try self.channel.declareQueue(self.queue, passive: true) }
    }

    // MARK: Another try

    /// Copies on their way, and the dead letters that they were made of.
    private struct Batch {
        static let maxCount = 100
        static let maxBytes = 8 << 20
        var bySequence: [(sequence: UInt64, message: FailedMessage)] = []
        var bytes = 0
        var isFull: Bool { self.bySequence.count >= Self.maxCount || self.bytes >= Self.maxBytes }
    }

    /// Sends copies to the job's queue; each dead letter is acked after the broker has confirmed its copy.
    ///
    /// - Parameter messages: In hand.
    /// - Returns: How many went, and why each of the others stays.
    /// - Throws: A ``FailedReplayError`` if the channel ended.
    public func replay(_ messages: [FailedMessage]) throws(FailedReplayError) -> FailedReplay {
        var done = FailedReplay()
        var batch = Batch()
        do throws(AMQPError) {
            for message in messages {
                if let reason = try self.replay(message, in: &batch) {
                    done.refused.append(.init(id: message.id, reason: reason))
                }
                if batch.isFull { try self.settle(&batch, &done) }
            }
            try self.settle(&batch, &done)
        } catch {
            throw FailedReplayError(done: done, inDoubt: batch.bySequence.map(\.message.id), cause: error)
        }
        return done
    }

    /// - Returns: Why it can not go.
    private func replay(_ message: FailedMessage, in batch: inout Batch) throws(AMQPError) -> String? {
        let copy = OutgoingMessage(
            message.body,
            routingKey: self.jobQueue,
            properties: message.replayProperties(to: self.jobQueue),
            mandatory: true
        )
        return try self.send(copy, of: message, in: &batch)
    }

    private func settle(_ batch: inout Batch, _ done: inout FailedReplay) throws(AMQPError) {
        let (sent, refused) = try self.settle(&batch)
        done.sent += sent
        for (message, reason) in refused {
            done.refused.append(.init(id: message.id, reason: Self.text(reason, self.jobQueue)))
        }
    }

    // MARK: Copies

    /// - Returns: Why it can not be sent: headers that fill a frame have no room for ours.
    private func send(
        _ copy: OutgoingMessage,
        of message: FailedMessage,
        in batch: inout Batch
    ) throws(AMQPError) -> String? {
        do throws(AMQPError) {
            let sequence = try self.channel.publish(copy, timeout: Self.patience)
            batch.bySequence.append((sequence, message))
            batch.bytes += copy.body.count
            return nil
        } catch {
            guard error.code == .refusedLocally, self.channel.isOpen else { throw error }
            return "\(error)"
        }
    }

    /// Waits for the confirms of a batch, then acks what was confirmed.
    private func settle(
        _ batch: inout Batch
    ) throws(AMQPError) -> (sent: Int, refused: [(message: FailedMessage, reason: FailedPublish.Reason)]) {
        guard !batch.bySequence.isEmpty else { return (0, []) }
        var refused: [(message: FailedMessage, reason: FailedPublish.Reason)] = []
        for failed in try self.channel.awaitConfirms(timeout: Self.patience) {
            guard let index = batch.bySequence.firstIndex(where: { $0.sequence == failed.sequence }) else { continue }
            refused.append((batch.bySequence.remove(at: index).message, failed.reason))
        }
        _ = self.channel.takeReturnedMessages()  // told by their confirms
        try self.remove(batch.bySequence.map(\.message))
        defer { batch = Batch() }
        return (batch.bySequence.count, refused)
    }

    private static let patience = Duration.seconds(60)

    private static func text(_ reason: FailedPublish.Reason, _ queue: String) -> String {
        switch reason {
        case .refused: "the broker refused the copy (basic.nack): '\(queue)' may be full"
        case .returned: "there is no queue '\(queue)'"
        case .unknown: "the channel ended before the copy was confirmed"
        }
    }
}
