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
    let parkingQueues: ParkingQueues
    let limiter: RateLimiter?
    let suspicion: Suspicion
    /// The job's, in nanoseconds.
    let timeout: UInt64?
    let entry: HandlerEntry
    let functions: HandlerFunctions
    let tasksPerThread: Int
    /// Of a handler that takes batches.
    let batching: Batching?
    var channel: Channel?
    /// The channel for outputs, opened with the first.
    var outlet: Channel?
    var outputs: OutputQueue<HeldDelivery>
    var outletPause = OpeningPause()
    /// The channel for copies: retries, snoozes, dead letters; opened with the first.
    var parking: Channel?
    var parked = OutputQueue<ParkedCopy>(OutputQueue.Plan(isTransactional: false, size: 1, timeout: 0))
    var parkingPause = OpeningPause()
    var setAside = SetAside()
    /// Where copies of its messages wait.
    let delays: DelayQueue
    /// Nil unless its queue may drop what it gives out often.
    let wearLimit: WearLimit?
    /// What tells our copies from other messages, for the connection of the moment.
    var seal = CopySeal(user: nil)
    var spareHands: [InFlight] = []
    var refusals = RefusalReport()
    /// In a drain: what is given back does not come again at once.
    var hasCancelled = false
    private var pause = FailurePause()

    // Unchecked: used for each delivery, by the worker's thread alone, and out of reach of whatever is called meanwhile.
    @exclusivity(unchecked) var instance: UnsafeMutableRawPointer?
    @exclusivity(unchecked) var counts = JobCounts()
    /// Deliveries that an async handler has in hand.
    @exclusivity(unchecked) var running: [InFlight] = []
    @exclusivity(unchecked) var hand: InFlight?
    /// Nil unless there is a crash ledger that has to be asked before a handler begins.
    @exclusivity(unchecked) var ledger: LedgerLine?
    /// Where a crash ledger that has nothing to say is told what is in hand.
    @exclusivity(unchecked) var slot: LedgerSlot?
    /// The batch that is being worked off, and how far.
    @exclusivity(unchecked) var batch: DeliveryBatch?
    @exclusivity(unchecked) var nextRecord = 0
    @exclusivity(unchecked) var pausedUntil: UInt64 = 0

    var mustDeclare = false
    /// A request on the way to a consumer that has no answer yet: what ends the connection now may be its doing.
    var underWay: MethodID?
    /// The channel of which a task has been found to blame for a timeout of its consumer.
    var blamedChannel: UInt64 = 0
    private var inbox = Inbox()
    /// Another one for each channel: with the number of a dead channel its last deliveries may still come (C37).
    var consumerTag = ""
    private var channelsOpened = 0

    init(
        handle: WorkerHandle,
        source: ConnectionSource,
        topology: Topology,
        entry: HandlerEntry,
        parkingQueues: ParkingQueues,
        limiter: RateLimiter?,
        ladder: DelayLadder,
        suspicion: Suspicion
    ) {
        self.handle = handle
        self.delays = topology.delays(of: handle.job.queue, ladder)
        self.wearLimit = handle.job.ack.mode == .auto ? topology.wearLimit(of: handle.job.queue) : nil
        self.source = source
        self.topology = topology
        self.entry = entry
        self.functions = HandlerFunctions(entry)
        self.batching = self.functions.beginBatch.map { Batching($0, handle.job) }
        self.tasksPerThread = entry.isAsync ? handle.job.tasksPerThread : 1
        self.parkingQueues = parkingQueues
        self.limiter = limiter
        self.suspicion = suspicion
        self.timeout = handle.job.timeout?.nanoseconds
        self.outputs = OutputQueue(handle.job.publish.plan)
    }

    // MARK: The thread

    /// Runs until it is drained or has failed for good.
    func run(backoff: Backoff) {
        self.handle.enter(.making)
        do throws(HandlerStartError) {
            self.instance = try self.functions.makeInstance(for: self.handle)
        } catch {
            self.handle.logger.error("the handler does not start", metadata: ["reason": "\(error.reason)"])
            return self.handle.enter(.failed(error.reason))
        }
        let failure = self.work(backoff)
        self.publishCounts()
        // Until it returns the worker has not ended: a drain's time limits hold for it too.
        self.handle.enter(.dropping)
        self.functions.drop(self.instance)
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
                let wait = backoff.next(random: Double.random(in: 0..<1))
                self.handle.logger.warning(
                    "the channel ended; another one is opened",
                    metadata: ["reason": "\(error)", "after_ms": "\(wait / 1_000_000)"]
                )
                self.handle.enter(.restarting("\(error)"))
                let deadline = MonotonicClock.now() &+ wait
                while !self.handle.isDraining, !self.handle.takeRestart(), MonotonicClock.now() < deadline {
                    self.idle(until: deadline)
                }
            }
        }
        if self.isAbandoned { self.closeOutlets() }
        while !self.running.isEmpty { self.idle(until: nil) }
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
        self.seal = CopySeal(connection)
        if !isTrial { self.handle.enter(.opening) }
        _ = self.handle.takeRestart()
        self.underWay = .channelOpen
        let channel = try connection.openChannel(
            mailbox: self.handle.mailbox,
            interrupts: WorkerHandle.Signal.restart | WorkerHandle.Signal.drain
        )
        self.channel = channel
        self.handle.hands.reset()
        self.handle.killSwitch?.arm(channel.breaker)
        self.underWay = .queueDeclare
        if self.mustDeclare { try self.topology.declare(queue: job.queue, on: channel) }
        channel.batchAcks(max(job.ack.batch, self.batching?.size ?? 1))
        if !isTrial { self.openOutletEarly() }
        self.underWay = .basicQos
        try channel.prefetch(isTrial ? 1 : UInt16(clamping: job.prefetch))
        self.underWay = .basicConsume
        // Without acks what comes with consume-ok is ours alone: a drain waits for it, and works it off.
        if job.ack.mode == .none { channel.interrupts = WorkerHandle.Signal.restart }
        self.consumerTag = self.nextConsumerTag()
        var arguments = FieldTable(job.consumerArguments)
        if job.consumerPriority != 0 { arguments["x-priority"] = .int64(Int64(job.consumerPriority)) }
        try channel.consume(
            job.queue,
            tag: self.consumerTag,
            noAck: job.ack.mode == .none,
            exclusive: job.exclusive,
            arguments: arguments
        )
        channel.interrupts = 0
        self.underWay = nil
        self.mustDeclare = false
        if isTrial { return try self.drain(channel) }
        self.handle.enterConsuming(channel.watch)
        while !self.handle.isDraining {
            try self.throwIfEnded(channel)
            self.workOff(channel, whileDraining: false)
            if !self.outputs.isEmpty { self.releaseOutputs(channel) }
            if !self.setAside.isEmpty { self.giveBackSetAside(channel) }
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

    /// At most 255 octets.
    private func nextConsumerTag() -> String {
        self.channelsOpened += 1
        let name = String(decoding: Array(self.handle.job.name.utf8.prefix(200)), as: UTF8.self)
        return self.channelsOpened == 1
            ? "\(name)-\(self.handle.index)" : "\(name)-\(self.handle.index).\(self.channelsOpened)"
    }

    func throwIfEnded(_ channel: Channel) throws(AMQPError) {
        if self.isTakenBack(channel) { self.noteTakenBackFromTasks() }
        if !channel.isOpen, let reason = channel.endReason { throw reason }
        if channel.hasCancelledConsumers, let consumer = channel.takeCancelledConsumers().first {
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
        let hasVerdicts =
            self.outlet?.verdicts.isEmpty == false || self.parking?.verdicts.isEmpty == false
        if hasVerdicts || channel.hasCalls || channel.hasSignals {
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
        if self.source.publishesSeparately { self.outlet?.sendAcks() }
    }

    /// Confirms, calls of async handlers, cancellation: all that is not a delivery.
    func takeIn(_ channel: Channel) {
        if self.outlet != nil { self.takeFromOutlet(channel) }
        if self.parking != nil { self.takeFromParking(channel) }
        if self.outputs.refusedCount > 0 || self.outputs.hasRefusals || !self.refusals.isQuiet {
            self.lookAfterRefusals(channel)
        }
        if channel.hasCalls { self.runCalls(channel) }
        if self.handle.isCancelled { self.passCancellationOn() } else { self.cancelOverdue() }
        if channel.takeSignals() != 0 {}  // looked at through the handle
    }

    /// When there is something to do though nothing comes: a pause ends, a handler's time is over.
    var nextWake: UInt64? {
        var wake = self.pausedUntil > 0 ? self.pausedUntil : UInt64.max
        if self.outlet?.isCommitting != true, let deadline = self.outputs.deadline { wake = min(wake, deadline) }
        let now = MonotonicClock.now()
        if self.outlet == nil, self.outputs.hasUnsent(now: now), let time = self.outletPause.mayOpenAt(now: now) {
            wake = min(wake, time)
        }
        if let refusals = self.refusalsWake { wake = min(wake, refusals) }
        if let overdue = self.nextOverdue { wake = min(wake, overdue) }
        if let due = self.setAside.wake { wake = min(wake, due) }
        if let due = self.batching?.nextWake(pausedUntil: self.pausedUntil) { wake = min(wake, due) }
        return wake == .max ? nil : wake
    }

    /// When the first handler in hand has to be asked to end.
    private var nextOverdue: UInt64? {
        guard let timeout = self.timeout, self.entry.isAsync else { return nil }
        return self.running.lazy.filter { !$0.wasCancelled }.map { $0.beganAt &+ timeout }.min()
    }

    // MARK: Deliveries

    /// Without acks no prefetch holds the broker back: while outputs are refused its number counts all the same.
    var areOutputsFull: Bool {
        self.outputs.count >= Self.outputLimit
            || (self.outputs.refusedCount > 0 && self.handle.job.ack.mode == .none
                && self.outputs.count >= max(Int(self.handle.job.prefetch), 1))
    }
    var hasCollected: Bool { self.batching?.collector.elements.isEmpty == false }

    func mayBegin(_ channel: Channel) -> Bool {
        guard self.running.count < self.tasksPerThread, !self.areOutputsFull else { return false }
        if self.pausedUntil > 0 {
            guard MonotonicClock.now() >= self.pausedUntil else { return false }
            self.pausedUntil = 0
        }
        if self.batch == nil {
            self.batch = channel.takeBatch()
            self.nextRecord = 0
            if self.wearLimit != nil { self.renewWorn(channel) }
            if self.holdsBatches, let batch = self.batch { self.handle.hands.hold(batch, self.oldestTask) }
        }
        return self.batch != nil
    }

    /// Begins deliveries until there are none, or all hands are full.
    func workOff(_ channel: Channel, whileDraining: Bool) {
        if let batching = self.batching, self.ledger?.isGated != true {
            return self.workOffInBatches(batching, channel, whileDraining: whileDraining)
        }
        var sentAt: UInt64 = 0
        let mayBeGivenUp = self.handle.killSwitch != nil
        while self.mayBegin(channel), let batch = self.batch {
            self.noteInHand()  // the handler may take long
            while self.nextRecord < batch.records.count {
                if (self.handle.isDraining && !whileDraining) || !channel.isOpen || self.pausedUntil > 0
                    || self.running.count >= self.tasksPerThread
                    || ((channel.hasTimedOut || channel.hasCancelledConsumers) && self.handle.job.ack.mode == .auto)
                {
                    return
                }
                let now = MonotonicClock.coarseNow()
                if sentAt == 0 { sentAt = now }
                if now &- sentAt > Self.longestHold {
                    // What is settled goes out before the next handler takes its time.
                    self.sendAcks(channel)
                    channel.pump(until: 0)
                    self.takeIn(channel)
                    sentAt = now
                } else if mayBeGivenUp, !self.outputs.isEmpty || !self.parked.isEmpty {
                    self.settleWhatIsOnItsWay(channel)
                }
                let record = batch.records[self.nextRecord]
                if let ledger = self.ledger,
                    !self.mayBegin(record, batch.block, ledger, channel, mayWait: !whileDraining)
                {
                    continue
                }
                // What is settled already can not be given back: a drain works it off at once.
                if !whileDraining, let limiter = self.limiter {
                    let wait = limiter.take()
                    if wait > 0 {
                        self.pausedUntil = MonotonicClock.now() &+ wait
                        self.ledger?.putBack()
                        return
                    }
                }
                self.nextRecord += 1
                self.begin(record, batch.block, now, channel)
            }
            self.batch = nil
            if self.holdsBatches, !self.entry.isAsync { self.handle.hands.release() }
        }
    }

    /// Whether others have to be told what is in hand, because its thread can not look while it is: once for each batch.
    private var holdsBatches: Bool { !self.entry.isBatch && self.handle.job.ack.mode == .auto }

    /// Inputs that wait for their outputs: without acks no prefetch bounds them.
    private static let outputLimit = 65_536

    /// Acks are held back for a burst of short handlers, never for longer: nanoseconds, to the coarse clock's tick.
    private static let longestHold: UInt64 = 1_000_000

    @inline(__always)
    private func begin(_ record: ContentRecord, _ block: Block, _ now: UInt64, _ channel: Channel) {
        let delivery = self.nextHand()
        delivery.begin(record, block.bytes, incarnation: channel.incarnation)
        delivery.beganAt = now
        self.counts.received += 1
        if record.redelivered || self.handle.killSwitch != nil, self.hasHung(delivery, block, now, channel) {
            self.ledger?.putBack()
            return
        }
        if self.running.isEmpty {
            self.handle.beganAt.store(now, ordering: .relaxed)
            self.handle.oldest.set(record.deliveryTag)
        }
        var message = delivery.message
        if let slot = self.slot {
            slot.write(record, block)
        } else if let ledger = self.ledger {
            delivery.ledgerEntry = ledger.begin(record, block)
        }
        self.functions.begin(self.instance, &message, delivery.pointer)
        if delivery.isInHand {
            delivery.owner = block.owner
            self.running.append(delivery)
            if self.entry.isAsync {
                if self.handle.isCancelled { self.passCancellationOn() }
                return
            }
            self.running.removeLast()
            self.completeIfForgotten(delivery)
        }
        self.putDownHand(delivery, block)
        self.endInLedger(delivery)
        if channel.hasTimedOut, self.handle.job.ack.mode == .auto {
            self.noteTakenBack(delivery, block, alone: true, channel)
            self.handle.beganAt.store(0, ordering: .relaxed)
            return self.putDown(delivery)
        }
        // Outputs outlive this call, and with them what they are the outputs of.
        if !delivery.publications.isEmpty { delivery.owner = block.owner }
        self.settle(delivery, channel)
        if self.running.isEmpty { self.handle.beganAt.store(0, ordering: .relaxed) }
    }

    /// What a settlement says about how fast to go on.
    @inline(__always)
    func noteFailure(_ settlement: Settlement) {
        switch settlement {
        case .ack, .discard: self.pause.succeeded()
        case .retried, .deadLettered, .snoozed: self.pause.copyConfirmed()
        case .reject, .giveBack: break
        case .rejectRequeue: self.slowDown(until: self.pause.requeued(now: MonotonicClock.now()))
        }
    }

    /// A copy was not taken: the next ones come more slowly.
    func noteRefusedCopy() { self.slowDown(until: self.pause.copyRefused(now: MonotonicClock.now())) }

    private func slowDown(until deadline: UInt64) { self.pausedUntil = max(self.pausedUntil, deadline) }

    /// Waits in the mailbox without a channel, so that async handlers go on and every signal is heard.
    func idle(until deadline: UInt64?) {
        let wake = [deadline, self.nextOverdue].compactMap(\.self).min()
        guard self.handle.mailbox.take(into: &self.inbox, until: wake) else { return self.cancelOverdue() }
        for call in self.inbox.calls { call.function(call.argument) }
        self.inbox.calls.removeAll(keepingCapacity: true)
        self.inbox.batches.removeAll()
        self.inbox.events.removeAll()
        self.inbox.signals = 0
        if self.handle.isCancelled { self.passCancellationOn() } else { self.cancelOverdue() }
        self.settleCompleted(nil)
    }

    private func noteInHand() {
        var unbegun = self.batch.map { $0.records.count - self.nextRecord } ?? 0
        if let batching = self.batching { unbegun += batching.collector.elements.count }
        self.handle.inHand.store(
            self.running.count + self.outputs.count + self.parked.count + self.setAside.count + unbegun,
            ordering: .releasing
        )
    }

    func publishCounts() {
        self.noteInHand()
        self.handle.counters.add(self.counts)
        self.counts = JobCounts()
    }
}
