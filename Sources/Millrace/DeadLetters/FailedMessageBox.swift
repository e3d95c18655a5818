public import AMQPClient
import AMQPWire

/// The dead letters of one job, on an open channel of the caller's.
///
/// Looking takes messages out unsettled, one by one, and puts them back: others that look at the same time see the rest.
/// On a quorum queue with a delivery limit each look counts as a delivery.
public final class FailedMessageBox {
    /// The queue that they are in.
    public let queue: String
    /// The queue that their job consumes.
    public let jobQueue: String
    private let channel: Channel
    private var taken: [FailedMessage] = []

    /// Opens the box of a job.
    ///
    /// - Parameters:
    ///   - job: One of the file's.
    ///   - file: Tells where its dead letters go.
    ///   - queue: The dead-letter queue; nil lets the file say.
    ///   - channel: In confirm mode from here on.
    /// - Throws: A ``FailedMessageError`` if the queue is not known or not there; why the channel ended.
    public init(of job: JobDefinition, in file: JobFile, queue: String? = nil, on channel: Channel) throws {
        self.channel = channel
        self.jobQueue = job.queue
        self.queue = try queue ?? file.deadLetterQueue(of: job)
        try channel.selectConfirms()
    }

    /// How many there are, not counting those that somebody has in hand.
    public func count() throws(AMQPError) -> Int {
        Int(try self.channel.declareQueue(self.queue, passive: true).messageCount)
    }

    /// Takes up to `limit` messages in hand, in the queue's order; they stay there until ``putBack()``.
    ///
    /// - Returns: Those that were taken now.
    public func take(_ limit: Int) throws(AMQPError) -> [FailedMessage] {
        let first = self.taken.count
        while self.taken.count - first < limit, let delivery = try self.channel.get(self.queue) {
            self.taken.append(FailedMessage(delivery))
        }
        return Array(self.taken[first...])
    }

    /// Puts back what is in hand, the newest first, so that the queue's order stays.
    public func putBack() throws(AMQPError) {
        for letter in self.taken.reversed() { try self.channel.nack(letter.delivery, requeue: true) }
        self.taken.removeAll()
        // A request behind them: when it is answered, they are back.
        _ = try self.channel.declareQueue(self.queue, passive: true)
    }

    /// Sends copies to the job's queue; each dead letter is acked after the broker has confirmed its copy.
    ///
    /// - Parameter letters: In hand, from ``take(_:)``.
    /// - Returns: How many went, and why each of the others stays.
    /// - Throws: Why the channel ended: what was not acked by then stays, and may also have gone.
    public func replay(_ letters: [FailedMessage]) throws(AMQPError) -> (
        sent: Int, refused: [(id: String, reason: String)]
    ) {
        var bySequence: [UInt64: FailedMessage] = [:]
        var sent = 0
        var refused: [(id: String, reason: String)] = []
        func settle() throws(AMQPError) {
            for failed in try self.channel.awaitConfirms(timeout: .seconds(60)) {
                guard let letter = bySequence.removeValue(forKey: failed.sequence) else { continue }
                refused.append((letter.id, Self.text(failed.reason, self.jobQueue)))
            }
            for letter in bySequence.values {
                try self.channel.ack(letter.delivery)
                self.forget(letter)
                sent += 1
            }
            bySequence.removeAll()
            _ = self.channel.takeReturnedMessages()  // told by their confirms
        }
        for letter in letters {
            let copy = OutgoingMessage(
                letter.body,
                routingKey: self.jobQueue,
                properties: letter.replayProperties,
                mandatory: true
            )
            bySequence[try self.channel.publish(copy, timeout: .seconds(60))] = letter
            if bySequence.count == 100 { try settle() }
        }
        try settle()
        return (sent, refused)
    }

    /// Removes messages for good.
    public func remove(_ letters: [FailedMessage]) throws(AMQPError) {
        for letter in letters {
            try self.channel.ack(letter.delivery)
            self.forget(letter)
        }
        _ = try self.channel.declareQueue(self.queue, passive: true)
    }

    /// Removes all that nobody has in hand.
    ///
    /// - Returns: How many there were.
    public func purge() throws(AMQPError) -> Int { Int(try self.channel.purgeQueue(self.queue)) }

    private func forget(_ letter: FailedMessage) {
        self.taken.removeAll { $0.delivery.deliveryTag == letter.delivery.deliveryTag }
    }

    private static func text(_ reason: FailedPublish.Reason, _ queue: String) -> String {
        switch reason {
        case .refused: "the broker refused the copy (basic.nack): '\(queue)' may be full"
        case .returned: "there is no queue '\(queue)'"
        case .unknown: "the channel ended before the copy was confirmed"
        }
    }
}

/// Why a job's dead letters can not be found.
public struct FailedMessageError: Error, CustomStringConvertible {
    /// What is wrong, and what to do.
    public let description: String
}

extension JobFile {
    /// The queue that a job's dead letters end up in.
    ///
    /// - Throws: A ``FailedMessageError`` if the file does not tell: they go to an exchange to which no queue of the file is
    ///   bound with that very key.
    public func deadLetterQueue(of job: JobDefinition) throws(FailedMessageError) -> String {
        let target = Topology(self).deadLetter(of: job.queue)
        if target.exchange.isEmpty { return target.name }
        let type = self.exchanges.first { $0.name == target.exchange }?.type
        let candidates = self.queues.filter { queue in
            queue.bindings.contains { binding in
                binding.exchange == target.exchange
                    && (type == "fanout" || target.routingKey == nil || binding.routingKey == target.routingKey
                        || binding.routingKey == "#")
            }
        }
        if candidates.count == 1 { return candidates[0].name }
        let found = candidates.isEmpty ? "no queue" : "\(candidates.count) queues"
        throw FailedMessageError(
            description: "job '\(job.name)': its dead letters go to exchange '\(target.exchange)', and \(found) of the"
                + " file could get them; name the one with --queue"
        )
    }
}
