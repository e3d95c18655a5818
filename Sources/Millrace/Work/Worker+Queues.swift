import AMQPClient
import AMQPWire
import Logging

/// A job with several queues: one channel, and on it a consumer for each.
///
/// What can go wrong with a queue is asked on a channel beside, since a "no" ends the channel that it is asked on. A consumer
/// that the broker ends leaves the others as they are.
extension Worker {
    /// Whether it consumes several.
    var hasSeveralQueues: Bool { !self.handle.job.furtherQueues.isEmpty }

    /// Of the consumers that there are.
    var consumerTags: [String] { self.hasSeveralQueues ? self.queues.tags : [self.consumerTag] }

    // MARK: Consuming

    /// Starts a consumer for each queue that is there.
    ///
    /// - Throws: Why the channel or the connection ended; if no queue can be had, why the first one can not.
    func consumeAll(on connection: Connection, _ channel: Channel) throws(AMQPError) {
        self.queues.channelOpened()
        var first: AMQPError?
        for queue in self.handle.job.queues {
            let error = try self.consume(queue, on: connection, channel)
            if first == nil { first = error }
        }
        if !self.queues.hasConsumer, let first { throw first }
    }

    /// Looks for queues that were not there.
    func lookForAbsentQueues(on connection: Connection, _ channel: Channel) throws(AMQPError) {
        let now = MonotonicClock.now()
        let due = self.queues.due(now: now)
        guard !due.isEmpty else { return }
        // Nothing would be answered.
        guard !connection.isBlocked else { return self.queues.putOff(until: now &+ 1_000_000_000) }
        for queue in due {
            guard try self.consume(queue, on: connection, channel) == nil else { continue }
            self.handle.logger.info("a queue of the job is there again, and consumed", metadata: ["queue": "\(queue)"])
        }
        self.handle.noteAbsent(self.queues.absent)
    }

    /// - Returns: Why the queue can not be had; nil if its consumer runs.
    private func consume(
        _ queue: String,
        on connection: Connection,
        _ channel: Channel
    ) throws(AMQPError) -> AMQPError? {
        self.underWay = .queueDeclare
        do throws(AMQPError) {
            try self.provide(queue, on: connection, channel)
        } catch {
            guard error.scope != .connection, channel.isOpen, !channel.isInterrupted else { throw error }
            self.underWay = nil
            let isNew = !self.queues.isMissing(queue)
            self.queues.isAbsent(
                queue,
                "\(error)",
                now: MonotonicClock.now(),
                random: ProcessRandom.share()
            )
            if isNew {
                self.handle.logger.error(
                    "a queue of the job can not be had; the others are consumed, and it is looked for again",
                    metadata: ["queue": "\(queue)", "reason": "\(error)"]
                )
            }
            return error
        }
        let tag = self.queues.makeTag(for: queue, self.consumerTag)
        self.underWay = .basicConsume
        do throws(AMQPError) {
            try channel.consume(
                queue,
                tag: tag,
                noAck: self.handle.job.ack.mode == .none,
                exclusive: self.handle.job.exclusive,
                arguments: self.consumerArguments
            )
        } catch {
            if case .channel = error.scope { self.queues.wasRefused(queue) }
            throw error
        }
        self.underWay = nil
        self.queues.consumes(queue, tag)
        self.handle.killSwitch?.consumes(self.queues.tags)
        return nil
    }

    var consumerArguments: FieldTable {
        var arguments = FieldTable(self.handle.job.consumerArguments)
        if self.handle.job.consumerPriority != 0 {
            arguments["x-priority"] = .int64(Int64(self.handle.job.consumerPriority))
        }
        return arguments
    }

    /// Makes sure that a queue is there, and that it gives us a consumer if one was refused before.
    private func provide(_ queue: String, on connection: Connection, _ channel: Channel) throws(AMQPError) {
        // Not for long: its node may be down, and the others wait.
        self.topology.awaitAnswer(about: queue, channel, until: MonotonicClock.now() &+ 500_000_000)
        guard self.topology.standing(of: queue) != .underWay else {
            throw channel.endReason
                ?? AMQPError(.timeout, scope: .channel(channel.number), text: "queue '\(queue)' has no answer yet")
        }
        let isMissing = self.mustDeclare || self.queues.isMissing(queue)
        let isFirst = !self.hasConsumed && !self.queues.isMissing(queue)
        guard isMissing || self.queues.mustTry(queue) || !self.topology.isThere(queue, isFirst: isFirst) else { return }
        let aside = try connection.openChannel(
            mailbox: Mailbox(),
            outwaitsBlocks: false,
            timeout: Self.patienceForOneQueue
        )
        do throws(AMQPError) {
            try self.topology.provide(
                queue,
                on: connection,
                aside,
                isMissing: isMissing,
                isFirst: isFirst,
                logger: self.handle.logger
            )
            if self.queues.mustTry(queue) { try self.tryConsumer(of: queue, aside) }
        } catch {
            aside.giveUp("it did not get its queue")  // a node that is down answers no close either
            throw error
        }
        aside.close()
    }

    /// What its consumer would be sent goes back with the channel.
    private func tryConsumer(of queue: String, _ aside: Channel) throws(AMQPError) {
        try aside.prefetch(1)
        let tag = try aside.consume(
            queue,
            tag: self.queues.makeTag(for: queue, "\(self.consumerTag)?"),
            exclusive: self.handle.job.exclusive,
            arguments: self.consumerArguments
        )
        try aside.cancel(tag)
    }

    /// How long the broker may take to answer about one: the messages of the others wait meanwhile.
    private static let patienceForOneQueue = Duration.seconds(2)

    // MARK: A consumer ends

    /// The broker has ended consumers by itself; goes on with those that are left.
    ///
    /// From RabbitMQ 4.3 on it does the same when something was not settled in time, and has taken everything back then:
    /// nobody can tell, and the channel is opened again.
    ///
    /// - Returns: Whether any is left.
    func goOnWithoutLostConsumers(_ channel: Channel) -> Bool {
        guard self.hasSeveralQueues, channel.isOpen, !channel.hasTimedOut else { return false }
        let now = MonotonicClock.now()
        for tag in channel.takeCancelledConsumers() {
            let reason = "the broker ended its consumer: the queue was deleted, or moved"
            guard let queue = self.queues.lost(tag, reason, now: now, random: ProcessRandom.share()) else {
                continue
            }
            self.handle.logger.warning(
                "the broker ended the consumer of a queue; the job's other queues are consumed, and it is looked for again",
                metadata: ["queue": "\(queue)"]
            )
        }
        channel.goOn(withoutConsumers: self.queues.lostCount)
        self.handle.killSwitch?.consumes(self.queues.tags)
        guard self.queues.hasConsumer else { return false }
        if let block = self.intake.block { self.dropLost(block, channel) }
        self.handle.noteAbsent(self.queues.absent)
        return true
    }

    /// Takes out of what is not begun the deliveries of consumers that have ended: their queue is gone, or gives them out again.
    func dropLost(_ block: Block, _ channel: Channel) {
        guard !self.queues.lostTags.isEmpty, self.hands.isAcked else { return }
        let lost = self.intake.remove { record in
            let method = block.slice(record.methodOffset, record.methodLength)
            return self.queues.lostTags.contains(String(decoding: DeliverStrings(method).consumerTag, as: UTF8.self))
        }
        guard !lost.isEmpty else { return }
        self.handle.received.add(lost.count)
        self.settler.counts.droppedAcks += lost.count
        _ = channel.giveBack(tags: lost.map(\.deliveryTag))
    }

    /// Whether the broker has ended the consumer that a delivery came by, or the channel.
    func hasLostConsumer(of held: HeldDelivery, _ channel: Channel) -> Bool {
        guard self.hasSeveralQueues, channel.isOpen, !channel.hasTimedOut else { return channel.watch.hasLostConsumer }
        guard !self.queues.lostTags.isEmpty || channel.hasCancelledConsumers else { return false }
        let tag = held.consumerTag
        return self.queues.lostTags.contains(tag) || channel.cancelledConsumers.contains(tag)
    }

    /// A delivery whose consumer has ended, on a channel that goes on: nothing is left unsettled there.
    func letGo(_ held: HeldDelivery, _ channel: Channel) {
        guard self.hasSeveralQueues, channel.isOpen, self.hands.isAcked else { return }
        _ = channel.giveBack(tags: [held.record.deliveryTag])
    }

    // MARK: Where a message came from

    /// The queue of a delivery.
    func queue(of held: HeldDelivery) -> String { held.queue(of: self.handle.job) }
}

extension HeldDelivery {
    /// The queue that it was consumed from.
    func queue(of job: JobDefinition) -> String {
        guard !job.furtherQueues.isEmpty else { return job.queue }
        return ConsumedQueues.queue(ofTag: self.strings.consumerTag, in: job.queues)
    }

    /// Of its consumer.
    var consumerTag: String { String(decoding: self.strings.consumerTag, as: UTF8.self) }
}
