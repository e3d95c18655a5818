import AMQPClient
import AMQPWire
import Logging
import Synchronization

/// The loop of a ``Returner``: a channel with a consumer on each delay queue, and a confirm channel that copies leave by.
///
/// Made on its thread and never leaves it.
final class ReturnerThread {
    let shared: Returner
    var attendance: Attendance
    /// Delay queues that the broker has been asked for.
    var pending = PendingQueues()
    /// They are there, and get their consumers one after the other.
    var declared: [Returns.Place] = []
    var consuming: PendingConsumer?
    var returns: Returns
    var held: [UInt64: HeldCopy] = [:]
    private var nextToken: UInt64 = 1
    var outlet: Channel?
    var outletNotBefore: UInt64 = 0
    var renewal = OutletRenewal()
    var patience: AnswerPatience
    /// What the outlet's last look at the broker's blocks left.
    var blockings = 0
    private var inbox = Inbox()
    var consumersStarted = 0
    var seal = CopySeal(user: nil)

    var logger: Logger { self.shared.logger }
    var clock: JobClock { self.shared.clock }

    init(_ shared: Returner) {
        self.shared = shared
        self.attendance = Attendance(
            homes: shared.queues.count,
            stages: shared.settings.ladder.stages.count
        )
        self.returns = Returns(shared.settings)
        self.patience = AnswerPatience(shared.source.answerPatience)
    }

    func run() {
        var backoff = Backoff(self.shared.recovery)
        while !self.shared.mustEnd {
            guard let connection = self.shared.source.current else {
                self.idle(until: nil)
                continue
            }
            do throws(AMQPError) {
                try self.serve(connection) { backoff.reset() }
            } catch {
                self.channelEnded()
                if self.shared.mustEnd { break }
                if error.scope == .connection {
                    self.shared.source.forget(connection)
                    connection.startClose()
                    continue
                }
                let wait = backoff.next(random: ProcessRandom.share())
                self.logger.warning(
                    "the channel that waiting messages come back on ended; another one is opened",
                    metadata: ["reason": "\(error)", "after_ms": .number(wait / 1_000_000)]
                )
                let deadline = MonotonicClock.now() &+ wait
                while !self.shared.mustEnd, MonotonicClock.now() < deadline { self.idle(until: deadline) }
            }
        }
        self.channelEnded()
    }

    private func idle(until deadline: UInt64?) {
        guard self.shared.mailbox.take(into: &self.inbox, until: deadline) else { return }
        self.inbox.batches.removeAll()
        self.inbox.events.removeAll()
        self.inbox.signals = 0
    }

    /// One life of the consumers' channel.
    private func serve(_ connection: Connection, started: () -> Void) throws(AMQPError) {
        self.seal = CopySeal(connection)
        let channel = try connection.openChannel(
            mailbox: self.shared.mailbox,
            interrupts: Returner.Signal.end,
            reads: false
        )
        defer { channel.close() }
        channel.batchAcks(self.shared.settings.window / 4)
        try channel.prefetch(UInt16(clamping: self.shared.settings.window))
        while !self.shared.mustEnd {
            try self.attend(connection, channel)
            if self.attendance.count > 0 { started() }
            self.takeIn(channel)
            try Self.throwIfEnded(channel)
            let wake = self.publishDue(channel)
            self.shared.wake.store(self.returns.sentCount > 0 ? 0 : wake ?? .max, ordering: .releasing)
            self.shared.inHand.store(self.returns.count, ordering: .releasing)
            self.clock.wasLookedAt()
            self.outlet?.sendAcks()
            let now = MonotonicClock.now()
            let wakes = [wake.map(self.clock.machineTime), self.patience.deadline, self.attendWake(now)]
            let next = wakes.compactMap(\.self).min()
            if self.hasToAttend(now) {
                channel.sendAcks()
                channel.pump(until: 0)
            } else if self.outlet?.verdicts.isEmpty != false {
                channel.sendAcksAndPump(until: next)
            }
            _ = channel.takeSignals()
        }
        self.finish(channel)
    }

    static func throwIfEnded(_ channel: Channel) throws(AMQPError) {
        if !channel.isOpen, let reason = channel.endReason { throw reason }
    }

    // MARK: Consumers

    private func takeIn(_ channel: Channel) {
        while let batch = channel.takeBatch() {
            for record in batch.records { self.take(record, batch.block, channel) }
        }
        for tag in channel.takeCancelledConsumers() {
            guard let place = self.attendance.ended(tag) else { continue }
            self.returns.holdLess(now: self.clock.now)
            self.shared.known.forget(self.shared.queues[place.home].name(place.stage))
            for token in self.returns.lost(place) { self.held[token] = nil }
            self.shared.attended.store(self.attendance.count, ordering: .releasing)
            self.logger.warning(
                "the broker ended the consumer of a queue for waiting messages; it is consumed again",
                metadata: ["queue": "\(self.shared.queues[place.home].name(place.stage))"]
            )
        }
        if !channel.isOpen, channel.endReason?.code == AMQPError.Code(.preconditionFailed) {
            self.returns.holdLess(now: self.clock.now)
        }
        self.takeAnswers(channel)
    }

    private func take(_ record: ContentRecord, _ block: Block, _ channel: Channel) {
        let delivery = Delivery(block: block, record: record)
        guard let tag = try? delivery.envelope.consumerTag, let place = self.attendance.place(of: tag) else { return }
        let properties = BasicProperties(salvaging: block.slice(record.headerOffset, record.headerLength))
        guard !properties.isCutShort else {
            // The broker moves it home as it is.
            self.logger.warning("octets are missing in the properties of a waiting message; the broker moves it back")
            _ = channel.reject(tag: record.deliveryTag, requeue: false)
            return
        }
        let token = self.nextToken
        self.nextToken += 1
        let isOurs = self.seal.isOurs(properties)
        self.held[token] = HeldCopy(
            tag: record.deliveryTag,
            body: delivery.body,
            properties: properties,
            isOurs: isOurs
        )
        let now = self.clock.now
        let stages = self.shared.settings.ladder.stages
        let length = place.stage == 0 ? (stages.count > 1 ? stages[1] : Wait.longest) : stages[place.stage]
        // Whoever is not us puts nothing into a queue for longer than its stage.
        let rest = DelayNote(properties.headers).map { $0.remaining(stage: length, now: self.clock.milliseconds) }
        let wait = isOurs ? rest?.all ?? 0 : rest?.stage ?? 0
        self.returns.arrived(
            token,
            at: place,
            stageEnd: now &+ UInt64(rest?.stage ?? 0) &* 1_000_000,
            due: now &+ UInt64(wait) &* 1_000_000,
            isWorn: record.redelivered && self.shared.queues[place.home].type == nil && HeldCopy.isWorn(properties),
            now: now
        )
    }

    // MARK: Ends

    /// Lets the answers come that are on their way, so that few copies are there twice.
    private func finish(_ channel: Channel) {
        let deadline = MonotonicClock.now() &+ 2_000_000_000
        while channel.isOpen, let outlet = self.outlet, outlet.isOpen, self.returns.sentCount > 0,
            MonotonicClock.now() < deadline
        {
            channel.sendAcksAndPump(until: deadline)
            self.takeAnswers(channel)
        }
        channel.sendAcks()
        self.outlet?.close()
        self.outlet = nil
    }

    private func channelEnded() {
        self.returns.lostAll()
        self.held.removeAll()
        self.forgetConsumers()
        self.shared.attended.store(0, ordering: .releasing)
        self.shared.wake.store(.max, ordering: .releasing)
        self.shared.inHand.store(0, ordering: .releasing)
        // Answers to what was lost mean nothing any more.
        self.outlet?.close()
        self.outlet = nil
        self.outletNotBefore = 0
        self.renewal = OutletRenewal()
    }
}
