import AMQPClient

/// Copies of dead letters: back to the job, or back to where they are.
extension FailedMessageBox {
    /// Copies on their way, and the dead letters that they were made of.
    struct Batch {
        static let maxCount = QueueReader.ackBatch
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
        let home = self.home(of: message)
        let copy = OutgoingMessage(
            message.body,
            routingKey: home,
            properties: message.replayProperties(to: home, seal: self.seal),
            mandatory: true
        )
        return try self.send(copy, of: message, in: &batch)
    }

    private func settle(_ batch: inout Batch, _ done: inout FailedReplay) throws(AMQPError) {
        let (sent, refused) = try self.settle(&batch)
        done.sent += sent
        for (message, reason) in refused {
            done.refused.append(.init(id: message.id, reason: Self.text(reason, self.home(of: message))))
        }
    }

    /// The queue of the job that a message goes back to: the one that it came from, if that is noted.
    func home(of message: FailedMessage) -> String {
        if let noted = message.queue, self.homes.contains(noted) { return noted }
        return self.homes.first { message.mayHaveCome(from: $0) } ?? self.jobQueue
    }

    /// Whether it came from a queue of the job, as far as anybody noted.
    public func isOfJob(_ message: FailedMessage) -> Bool {
        self.homes.contains { message.mayHaveCome(from: $0) }
    }

    /// Where copies go, for people.
    public var destination: String {
        self.homes.count == 1 ? "'\(self.jobQueue)'" : "the queues they came from"
    }

    // MARK: Copies

    /// - Returns: Why it can not be sent: headers that fill a frame have no room for ours.
    func send(
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
    func settle(
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
