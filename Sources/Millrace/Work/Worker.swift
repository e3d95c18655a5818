import Logging
import AMQPClient
import AMQPWire
import CMillraceABI
import Synchronization

/// One OS thread's work: one channel, one handler instance, one loop.
///
/// Made on its thread and never leaves it; what others may touch is the ``WorkerHandle``.
final class Worker {
    let handle: WorkerHandle
    let topology: Topology
    let source: ConnectionSource
    let suspicion: Suspicion
    let entry: HandlerEntry
    let hands: Hands
    let hooks: WorkHooks
    var channel: Channel?
    var outlet: Outlet<Channel, HeldDelivery>
    /// Copies: retries, snoozes, dead letters.
    var parking: Parking<JobPlaces>
    /// Of those of its queues that may drop what they give out often.
    let wearLimits: [String: WearLimit]
    /// Of a job with several: which it consumes.
    var queues: ConsumedQueues

    // Unchecked: used for each delivery, by the worker's thread alone, and out of reach of whatever is called meanwhile.
    @exclusivity(unchecked) var settler: Settler
    @exclusivity(unchecked) var intake: Intake

    var mustDeclare = false
    /// A request on the way to a consumer that has no answer yet: what ends the connection now may be its doing.
    var underWay: MethodID?
    private var inbox = Inbox()
    /// Another one for each channel: with the number of a dead channel its last deliveries may still come (C37).
    var consumerTag = ""
    private var channelsOpened = 0
    var hasConsumed = false

    init(
        handle: WorkerHandle,
        source: ConnectionSource,
        topology: Topology,
        entry: HandlerEntry,
        parkingQueues: ParkingQueues,
        limiter: RateLimiter?,
        ladder: DelayLadder,
        hooks: WorkHooks = WorkHooks(),
        suspicion: Suspicion
    ) {
        self.handle = handle
        let names = handle.job.queues
        self.wearLimits =
            handle.job.ack.mode == .auto
            ? Dictionary(
                names.compactMap { name in topology.wearLimit(of: name).map { (name, $0) } },
                uniquingKeysWith: { first, _ in first }
            ) : [:]
        self.queues = ConsumedQueues(names)
        self.source = source
        self.topology = topology
        self.entry = entry
        self.hands = Hands(handle, entry)
        self.intake = Intake(limiter, batching: entry.isBatch ? handle.job.batchOptions : nil)
        self.suspicion = suspicion
        self.hooks = hooks
        let job = handle.job
        self.settler = Settler(
            Settler.Policy(
                job: job.name,
                queue: job.queue,
                place: "\(entry.name) on \(HostName.own)",
                onFailure: job.onFailure,
                retry: job.retry,
                isAcked: job.ack.mode == .auto,
                prefetch: Int(job.prefetch)
            )
        )
        self.outlet = Self.makeOutlet(handle, source)
        let places = JobPlaces(
            delays: Dictionary(
                names.map { ($0, topology.delays(of: $0, ladder)) },
                uniquingKeysWith: { first, _ in first }
            ),
            topology: topology,
            known: parkingQueues,
            isAcked: job.ack.mode == .auto,
            clock: hooks.clock,
            logger: handle.logger
        )
        self.parking = Self.makeParking(handle, source, places)
    }

    // MARK: The thread

    /// Runs until it is drained or has failed for good.
    func run(backoff: Backoff) {
        self.handle.enter(.making)
        do throws(HandlerStartError) {
            try self.hands.makeHandler()
        } catch {
            self.handle.logger.error("the handler does not start", metadata: ["reason": "\(error.reason)"])
            return self.handle.enter(.failed(error.reason))
        }
        self.queues = ConsumedQueues(self.handle.job.queues, backoff: backoff)
        let failure = self.work(backoff)
        self.publishCounts()
        if let sum = self.settler.takeSum(now: .max) { self.say(sum) }
        // Until it returns the worker has not ended: a drain's time limits hold for it too.
        self.handle.enter(.dropping)
        self.hands.dropHandler()
        self.handle.enter(failure.map(WorkerState.failed) ?? .ended)
    }

    /// - Returns: Why it has failed for good, if so.
    private func work(_ backoff: Backoff) -> String? {
        var backoff = backoff
        while !self.handle.isDraining {
            guard let connection = self.source.current else {
                self.handle.enter(.waiting)
                self.idle(until: nil)
                continue
            }
            switch self.standTrial(beside: connection) {
            case .go: break
            case .lookAgain: continue
            case .failed(let reason): return reason
            }
            let openedAt = MonotonicClock.now()
            do throws(AMQPError) {
                try self.serve(connection)
            } catch {
                self.noteEnd(error)
                self.channelEnded(error)
                if self.handle.isDraining, self.handle.state == .consuming, error.code == .timeout {
                    self.handle.isUnanswered.store(true, ordering: .releasing)
                }
                // One that ends as soon as it is there would be opened again and again.
                if MonotonicClock.now() &- openedAt > Self.shortLife { backoff.reset() }
                if self.isAbandoned { break }
                if error.scope == .connection {
                    self.handle.enter(.waiting)
                    self.source.forget(connection)
                    connection.startClose()  // one that had not ended would never be replaced
                    continue
                }
                self.mustDeclare = true
                let wait = backoff.next(random: ProcessRandom.share())
                self.handle.logger.warning(
                    "the channel ended; another one is opened",
                    metadata: ["reason": "\(error)", "after_ms": .number(wait / 1_000_000)]
                )
                self.handle.enter(.restarting("\(error)"))
                let deadline = MonotonicClock.now() &+ wait
                while !self.handle.isDraining, !self.handle.takeRestart(), MonotonicClock.now() < deadline {
                    self.idle(until: deadline)
                }
            }
        }
        if self.isAbandoned { self.closeOutlets() }
        while !self.hands.running.isEmpty { self.idle(until: nil) }
        return nil
    }

    /// A channel that lived for longer was a success: nanoseconds.
    private static let shortLife: UInt64 = 10_000_000_000

    /// One channel's life: open, consume, work, drain.
    ///
    /// - Parameters:
    ///   - connection: Where to.
    ///   - isTrial: Whether it ends with a drain as soon as the consumer runs.
    /// - Throws: Why the channel, its consumer or the connection ended.
    func serve(_ connection: Connection, isTrial: Bool = false) throws(AMQPError) {
        let job = self.handle.job
        self.hands.seal = CopySeal(connection)
        if !isTrial { self.enterOpening() }
        _ = self.handle.takeRestart()
        self.underWay = .channelOpen
        let channel = try connection.openChannel(
            mailbox: self.handle.mailbox,
            interrupts: WorkerHandle.Signal.restart | WorkerHandle.Signal.drain
        )
        self.channel = channel
        self.handle.receivedBefore.store(self.handle.received.value, ordering: .releasing)
        self.handle.hands.reset()
        self.consumerTag = self.nextConsumerTag()
        self.handle.killSwitch?.arm(channel.breaker, [self.consumerTag])
        self.underWay = .queueDeclare
        if !self.hasSeveralQueues {
            try self.topology.provide(
                job.queue,
                on: connection,
                channel,
                isMissing: self.mustDeclare,
                isFirst: !self.hasConsumed,
                logger: self.handle.logger
            )
        }
        channel.batchAcks(max(job.ack.batch, self.entry.isBatch ? job.batchOptions.size : 1))
        if !isTrial { self.openOutletEarly() }
        self.underWay = .basicQos
        try channel.prefetch(isTrial ? 1 : UInt16(clamping: job.prefetch))
        self.underWay = .basicConsume
        // Without acks what comes with consume-ok is ours alone: a drain waits for it, and works it off.
        if job.ack.mode == .none { channel.interrupts = WorkerHandle.Signal.restart }
        if self.hasSeveralQueues {
            try self.consumeAll(on: connection, channel)
        } else {
            try channel.consume(
                job.queue,
                tag: self.consumerTag,
                noAck: job.ack.mode == .none,
                exclusive: job.exclusive,
                arguments: self.consumerArguments
            )
        }
        channel.interrupts = 0
        self.underWay = nil
        self.mustDeclare = false
        if isTrial { return try self.drain(channel) }
        self.hasConsumed = true
        self.handle.enterConsuming(channel.watch, without: self.queues.absent)
        while !self.handle.isDraining {
            try self.throwIfEnded(channel)
            if self.queues.wake != nil { try self.lookForAbsentQueues(on: connection, channel) }
            self.workOff(channel, whileDraining: false)
            if !self.outlet.isEmpty { self.releaseOutputs(channel) }
            self.settler.giveBackKept(on: channel, now: MonotonicClock.now())
            self.takePauses()
            self.publishCounts()
            try self.throwIfEnded(channel)
            // What told of a drain may have been taken in already: nothing would wake the thread again.
            if self.handle.isDraining || self.mayBegin(channel) {
                self.sendAcks(channel)
                continue
            }
            self.await(channel, until: self.nextWake)
        }
        try self.drain(channel)
    }

    /// One whose last channel has ended is restarting, for that reason, until it consumes: it may end the same way at once.
    private func enterOpening() {
        if case .restarting = self.handle.state { return }
        self.handle.enter(.opening)
    }

    /// At most 231 octets.
    private func nextConsumerTag() -> String {
        self.channelsOpened += 1
        let name = String(decoding: Array(self.handle.job.name.utf8.prefix(200)), as: UTF8.self)
        return self.channelsOpened == 1
            ? "\(name)-\(self.handle.index)" : "\(name)-\(self.handle.index).\(self.channelsOpened)"
    }

    func throwIfEnded(_ channel: Channel) throws(AMQPError) {
        if self.isTakenBack(channel) { self.hands.noteTakenBackFromTasks(channel.incarnation) }
        if !channel.isOpen, let reason = channel.endReason { throw reason }
        guard channel.hasCancelledConsumers, let consumer = channel.cancelledConsumers.first else { return }
        if !self.goOnWithoutLostConsumers(channel) {
            _ = channel.takeCancelledConsumers()
            channel.close()
            throw AMQPError(
                .consumerCancelled,
                scope: .channel(channel.number),
                text: "the broker ended consumer \(consumer): its queue was deleted, moved, or timed out"
            )
        }
    }

    /// Sends what is pending and sleeps until something comes, unless a request or a publish has brought something
    /// already while it waited.
    func await(_ channel: Channel, until deadline: UInt64?) {
        self.sendOutputs()
        if self.outlet.hasAnswers || self.parking.hasAnswers || channel.hasCalls || channel.hasSignals {
            channel.sendAcks()
        } else {
            channel.sendAcksAndPump(until: deadline)
        }
        self.takeIn(channel)
    }

    /// Outputs first: in mode none the ack of their input must not overtake them.
    func sendAcks(_ channel: Channel) {
        self.sendOutputs()
        channel.sendAcks()
    }

    /// On a connection of their own nothing else sends them but a clock.
    private func sendOutputs() {
        if self.source.publishesSeparately { self.outlet.flush() }
    }

    /// Confirms, calls of async handlers, cancellation: all that is not a delivery.
    func takeIn(_ channel: Channel) {
        if self.outlet.isInUse { self.takeFromOutlet(channel) }
        if self.parking.line != nil { self.takeFromParking(channel) }
        if let sum = self.settler.takeSum(now: MonotonicClock.now()) { self.say(sum) }
        if channel.hasCalls { self.runCalls(channel) }
        self.cancelTasks()
        if channel.takeSignals() != 0 {}  // looked at through the handle
    }

    private func cancelTasks() {
        if self.handle.isCancelled {
            self.hands.passCancellationOn()
        } else {
            self.hands.cancelOverdue(now: MonotonicClock.now())
        }
    }

    /// When there is something to do though nothing comes: a pause ends, a handler's time is over.
    var nextWake: UInt64? {
        var wake: UInt64?
        func note(_ time: UInt64?) { if let time { wake = min(wake ?? .max, time) } }
        note(self.intake.wake)
        if self.outlet.isInUse { note(self.outlet.wake(now: MonotonicClock.now())) }
        if !self.parking.isEmpty, !self.handle.isDraining { note(self.parking.wake) }
        note(self.hands.nextOverdue)
        note(self.settler.wake)
        // In a drain none is looked for any more.
        if !self.handle.isDraining { note(self.queues.wake) }
        return wake
    }

    // MARK: Deliveries

    /// Without acks no prefetch holds the broker back: while outputs are refused its number counts all the same.
    var areOutputsFull: Bool {
        self.outlet.count >= Self.outputLimit
            || (self.outlet.refusedCount > 0 && self.handle.job.ack.mode == .none
                && self.outlet.count >= max(Int(self.handle.job.prefetch), 1))
    }

    /// Whether there is something to begin, and a hand for it.
    func mayBegin(_ channel: Channel) -> Bool {
        guard self.hands.running.count < self.hands.capacity, !self.areOutputsFull,
            !self.intake.isPaused(now: MonotonicClock.now())
        else { return false }
        if self.intake.block == nil, let batch = channel.takeBatch() {
            self.intake.add(batch)
            if !self.queues.lostTags.isEmpty { self.dropLost(batch.block, channel) }
            if !self.wearLimits.isEmpty { self.renewWorn(batch.block, channel) }
            if self.holdsBatches { self.handle.hands.hold(batch, self.hands.oldestTask) }
        }
        return self.intake.block != nil
    }

    /// Begins deliveries until there are none, or all hands are full.
    func workOff(_ channel: Channel, whileDraining: Bool) {
        if let begin = self.hands.functions.beginBatch, self.hands.ledger?.isGated != true {
            return self.workOffInBatches(begin, channel, whileDraining: whileDraining)
        }
        var sentAt: UInt64 = 0
        let mayBeGivenUp = self.handle.killSwitch != nil
        while self.mayBegin(channel), let block = self.intake.block {
            self.noteInHand()  // the handler may take long
            var now = MonotonicClock.coarseNow()
            while !self.intake.isWorkedOff {
                if self.mustPause(channel, whileDraining: whileDraining) { return }
                if sentAt == 0 { sentAt = now }
                if now &- sentAt > Self.longestHold {
                    // What is settled goes out before the next handler takes its time.
                    self.sendAcks(channel)
                    channel.pump(until: 0)
                    self.takeIn(channel)
                    // As long as there is a backlog this does not end.
                    self.publishCounts()
                    sentAt = now
                } else if mayBeGivenUp, !self.outlet.isEmpty || !self.parking.isEmpty {
                    self.settleWhatIsOnItsWay(channel)
                }
                let record = self.intake.head
                // What is settled already can not be given back: a drain works it off at once.
                switch self.intake.turn(self.hands.ledger, mayWait: !whileDraining, now: MonotonicClock.now()) {
                case .begin: self.begin(record, block, now, channel)
                case .condemned(let reason): self.setAside(record, block, reason, channel)
                case .stay: break
                }
                let end = MonotonicClock.coarseNow()
                self.hands.lookAtUntimed(end &- now)
                now = end
            }
            self.intake.finish()
            if self.holdsBatches, !self.entry.isAsync { self.handle.hands.release() }
        }
    }

    /// Whether the next delivery stays where it is for now.
    @inline(__always)
    private func mustPause(_ channel: Channel, whileDraining: Bool) -> Bool {
        (self.handle.isDraining && !whileDraining) || !channel.isOpen || self.intake.pausedUntil > 0
            || self.hands.running.count >= self.hands.capacity
            || ((channel.hasTimedOut || channel.hasCancelledConsumers) && self.hands.isAcked)
    }

    /// Whether others have to be told what is in hand, because its thread can not look while it is: once for each batch.
    private var holdsBatches: Bool { !self.entry.isBatch && self.hands.isAcked }

    /// Inputs that wait for their outputs: without acks no prefetch bounds them.
    private static let outputLimit = 65_536

    /// Acks are held back for a burst of short handlers, never for longer: nanoseconds, to the coarse clock's tick.
    private static let longestHold: UInt64 = 1_000_000

    @inline(__always)
    private func begin(_ record: ContentRecord, _ block: Block, _ now: UInt64, _ channel: Channel) {
        switch self.hands.begin(record, block, now: now, arrivedAt: self.intake.arrivedAt, on: channel) {
        case .inHand: return
        case .ended(let delivery): self.settle(delivery, channel)
        case .hung(let delivery): return self.settleHung(delivery, block, channel)
        case .takenBack(let delivery), .gone(let delivery): self.drop(delivery)
        }
        self.hands.stopClock()
    }

    /// Waits in the mailbox without a channel, so that async handlers go on and every signal is heard.
    func idle(until deadline: UInt64?) {
        let wake = [deadline, self.hands.nextOverdue].compactMap(\.self).min()
        guard self.handle.mailbox.take(into: &self.inbox, until: wake) else {
            return self.hands.cancelOverdue(now: MonotonicClock.now())
        }
        for call in self.inbox.calls { call.function(call.argument) }
        self.inbox.calls.removeAll(keepingCapacity: true)
        self.inbox.batches.removeAll()
        self.inbox.events.removeAll()
        self.inbox.signals = 0
        self.cancelTasks()
        self.settleEnded(nil)
    }

    private func noteInHand(beginning count: Int = 0) {
        let unbegun = count + self.intake.count + (self.channel?.unreadCount ?? 0)
        self.handle.unbegun.store(unbegun, ordering: .relaxed)
        self.handle.inHand.store(
            self.hands.running.count + self.outlet.count + self.parking.count + self.settler.keptCount + unbegun,
            ordering: .releasing
        )
    }

    /// With a batch that is about to begin, if one is.
    func publishCounts(beginning count: Int = 0) {
        self.noteInHand(beginning: count)
        self.settler.counts.overruns += self.hands.overruns
        self.hands.overruns = 0
        self.handle.counters.add(
            self.settler.takeCounts(),
            times: self.hands.times.samples,
            failure: self.settler.takeFailure()
        )
        self.hands.times.samples.removeAll(keepingCapacity: true)
    }
}
