import AMQPClient
import AMQPWire
import Logging
import Synchronization

/// The deliveries that a worker's handler has in hand: the one way to begin one, single or with others, and what is known
/// of each until it ends.
///
/// In this order: it is counted; a message on which a handler has hung is recognised; who may have to give the worker up
/// sees it; it stands in the crash ledger; the clock runs; the handler begins. On its worker's thread alone. Times are
/// nanoseconds of the monotonic clock.
final class Hands {
    /// What became of a delivery that was begun.
    enum Begun {
        /// Its handler is at it.
        case inHand
        /// Its handler has said what is to become of it.
        case ended(InFlight)
        /// Its handler was not asked: one has hung on it before, with nothing else in hand.
        case hung(InFlight)
        /// The broker has taken it back, and gives it out again.
        case takenBack(InFlight)
        /// Its channel has ended meanwhile.
        case gone(InFlight)
    }

    let handle: WorkerHandle
    let functions: HandlerFunctions
    let isAsync: Bool
    let isAcked: Bool
    /// The job's, in nanoseconds.
    let timeout: UInt64?
    /// Deliveries that its handler may have in hand, unless it takes batches.
    let capacity: Int
    /// What tells our copies from other messages, for the connection of the moment.
    var seal = CopySeal(user: nil)
    /// Handlers that ran longer than their time, since the last look.
    var overruns = 0
    /// How long handlers take, and what they are given has waited.
    // Unchecked: used for each delivery, by the worker's thread alone, in no call that looks.
    @exclusivity(unchecked) var times: TimeSampler
    /// Whether the delivery that was begun last is not timed.
    @exclusivity(unchecked) var wasLastUntimed = false

    // Unchecked: used for each delivery, by the worker's thread alone, and out of reach of whatever is called meanwhile.
    @exclusivity(unchecked) private var instance: UnsafeMutableRawPointer?
    /// Deliveries that an async handler has in hand, in the order in which they began.
    @exclusivity(unchecked) var running: [InFlight] = []
    /// A sync handler has one delivery in hand at a time, always in the same object.
    @exclusivity(unchecked) private var hand: InFlight?
    /// Nil unless there is a crash ledger that has to be asked before a handler begins.
    @exclusivity(unchecked) var ledger: LedgerLine?
    /// Where a crash ledger that has nothing to say is told what is in hand.
    @exclusivity(unchecked) var slot: LedgerSlot?
    @exclusivity(unchecked) private var spare: [InFlight] = []
    // Unmanaged, for two atomic operations less with each delivery: the handle, which lives as long, holds it.
    private let received: Unmanaged<ReceivedCount>
    /// The channel of which a task has been found to blame for a timeout of its consumer.
    var blamedChannel: UInt64 = 0

    init(_ handle: WorkerHandle, _ entry: HandlerEntry) {
        self.handle = handle
        self.received = .passUnretained(handle.received)
        self.functions = HandlerFunctions(entry)
        self.isAsync = entry.isAsync
        self.isAcked = handle.job.ack.mode == .auto
        self.timeout = handle.job.timeout?.nanoseconds
        self.times = TimeSampler(seed: UInt64(handle.index) &* 0x9E37_79B9_7F4A_7C15)
        self.capacity = entry.isAsync ? handle.job.tasksPerThread : 1
    }

    // MARK: The handler

    func makeHandler() throws(HandlerStartError) { self.instance = try self.functions.makeInstance(for: self.handle) }

    func dropHandler() { self.functions.drop(self.instance) }

    func cancel(_ delivery: InFlight, _ cancel: HandlerFunctions.Cancel) { cancel(self.instance, delivery.pointer) }

    // MARK: One delivery

    /// Begins one delivery.
    ///
    /// - Parameters:
    ///   - record: Where it lies in the block.
    ///   - block: Its octets.
    ///   - now: The time, as the coarse clock has it.
    ///   - arrivedAt: When it was read; 0 if nobody knows.
    ///   - line: Its channel.
    /// - Returns: What became of it by now.
    @inline(__always)
    func begin(
        _ record: ContentRecord,
        _ block: Block,
        now: UInt64,
        arrivedAt: UInt64 = 0,
        on line: some HandsLine
    ) -> Begun {
        let delivery = self.next(record, block, now, line.incarnation)
        if record.redelivered || self.handle.killSwitch != nil, self.circumstance(of: delivery, block, line) == .alone {
            self.ledger?.putBack()
            return .hung(delivery)
        }
        self.take(delivery, block, .alone)
        if self.running.isEmpty { self.startClock(delivery) }
        var message = delivery.message
        let weight = self.times.next(now: now)
        if weight > 0 { delivery.timedFrom = MonotonicClock.now() }
        delivery.timeWeight = weight
        self.wasLastUntimed = weight == 0
        self.functions.begin(self.instance, &message, delivery.pointer)
        if delivery.isInHand {
            delivery.owner = block.owner
            self.running.append(delivery)
            if self.isAsync {
                if weight > 0 { self.noteWait(delivery, arrivedAt, now: delivery.timedFrom, weight: weight) }
                if self.handle.isCancelled { self.passCancellationOn() }
                return .inHand
            }
            self.running.removeLast()
        }
        if weight > 0 { self.stopTime(delivery, arrivedAt, weight) }
        self.putDown(delivery, block)
        if self.isAcked, line.hasTimedOut {
            self.noteTakenBack(delivery, block, alone: true)
            return .takenBack(delivery)
        }
        // Outputs outlive this call, and with them what they are the outputs of.
        if !delivery.publications.isEmpty { delivery.owner = block.owner }
        return .ended(delivery)
    }

    /// A delivery that is settled: its object is free for another one.
    @inline(__always)
    func free(_ delivery: InFlight) {
        if delivery.owner != nil { delivery.owner = nil }
        if self.hand == nil { self.hand = delivery } else { self.spare.append(delivery) }
    }

    /// What a handler had is settled: nothing is in hand, unless tasks are.
    @inline(__always)
    func stopClock() { if self.running.isEmpty { self.handle.beganAt.store(0, ordering: .relaxed) } }

    // MARK: Together

    /// What a batch may do with one delivery.
    enum Admission {
        case together(InFlight)
        /// A batch with it hung: by itself.
        case byItself(InFlight)
        /// See ``Begun/hung(_:)``.
        case hung(InFlight)
    }

    /// Looks at a delivery that is to begin with others.
    func admit(
        _ record: ContentRecord,
        _ block: Block,
        now: UInt64,
        isOnly: Bool,
        on line: some HandsLine
    ) -> Admission {
        let delivery = self.next(record, block, now, line.incarnation)
        delivery.owner = block.owner
        switch self.circumstance(of: delivery, block, line) {
        case .alone:
            self.ledger?.putBack()
            return .hung(delivery)
        case .inBatch: return .byItself(delivery)
        case nil:
            self.take(delivery, block, isOnly ? .alone : .inBatch)
            return .together(delivery)
        }
    }

    /// Begins what was admitted, and ends it: a handler that takes batches says what becomes of all before it returns.
    func begin(_ together: [InFlight], by begin: HandlerFunctions.BeginBatch, on line: some HandsLine) -> [Begun] {
        guard let first = together.first else { return [] }
        self.startClock(first)
        self.watch(together)
        let messages = together.map(\.message)
        let tokens = together.map { Optional($0.pointer) }
        messages.withUnsafeBufferPointer { messages in
            // By pointers: a plugin may have been built with a shorter message.
            let pointers = messages.indices.map { index in messages.baseAddress.map { $0 + index } }
            pointers.withUnsafeBufferPointer { pointers in
                tokens.withUnsafeBufferPointer { tokens in
                    begin(self.instance, pointers.baseAddress, tokens.baseAddress, tokens.count)
                }
            }
        }
        self.times.batchEnded(after: MonotonicClock.now() &- first.beganAt, count: together.count)
        return together.map { self.end($0, alone: together.count == 1, on: line) }
    }

    /// Begins one by itself that was in a batch which failed or hung as a whole.
    func beginByItself(_ delivery: InFlight, now: UInt64, on line: some HandsLine) -> Begun {
        guard let owner = delivery.owner else { return .gone(delivery) }
        delivery.publications.removeAll()
        delivery.begin(delivery.record, delivery.bytes, incarnation: delivery.incarnation)
        delivery.beganAt = now
        let block = Block(bytes: delivery.bytes, owner: owner)
        if let ledger = self.ledger { _ = ledger.look(at: delivery.record, block, mayWait: false) }
        self.take(delivery, block, .alone)
        self.startClock(delivery)
        self.watch([delivery])
        var message = delivery.message
        self.functions.begin(self.instance, &message, delivery.pointer)
        self.times.batchEnded(after: MonotonicClock.now() &- now, count: 1)
        return self.end(delivery, alone: true, on: line)
    }

    private func watch(_ deliveries: [InFlight]) {
        self.handle.hands.hold(
            deliveries.compactMap { delivery in
                delivery.block.map { HandWatch.Hand(record: delivery.record, block: $0) }
            }
        )
    }

    private func end(_ delivery: InFlight, alone: Bool, on line: some HandsLine) -> Begun {
        self.putDown(delivery, delivery.block)
        guard self.isAcked, line.hasTimedOut, let block = delivery.block else { return .ended(delivery) }
        self.noteTakenBack(delivery, block, alone: alone)
        return .takenBack(delivery)
    }

    // MARK: In one order

    @inline(__always)
    private func next(_ record: ContentRecord, _ block: Block, _ now: UInt64, _ incarnation: UInt64) -> InFlight {
        let delivery = self.hand.take() ?? self.nextSpare()
        delivery.begin(record, block.bytes, incarnation: incarnation)
        delivery.beganAt = now
        self.received._withUnsafeGuaranteedRef { $0.add() }
        return delivery
    }

    @inline(never)
    private func nextSpare() -> InFlight { self.spare.popLast() ?? InFlight(hands: self) }

    /// From here until ``putDown(_:_:)`` it stands in the crash ledger, and the supervisor sees it.
    @inline(__always)
    private func take(_ delivery: InFlight, _ block: Block, _ circumstance: HungMessages.Circumstance) {
        if let killSwitch = self.handle.killSwitch { Self.show(delivery, block, circumstance, killSwitch) }
        if let slot = self.slot {
            slot.write(delivery.record, block)
        } else if let ledger = self.ledger {
            delivery.ledgerEntry = ledger.begin(delivery.record, block)
        }
    }

    private static func show(
        _ delivery: InFlight,
        _ block: Block,
        _ circumstance: HungMessages.Circumstance,
        _ killSwitch: KillSwitch
    ) {
        let hand = KillSwitch.Hand(
            record: delivery.record,
            block: block,
            beganAt: delivery.beganAt,
            circumstance: circumstance
        )
        killSwitch.take(delivery, hand)
    }

    /// For who watches how long it takes; several that began together go by the first.
    @inline(__always)
    private func startClock(_ first: InFlight) {
        self.handle.beganAt.store(first.beganAt, ordering: .relaxed)
        self.handle.oldest.set(first.record.deliveryTag)
    }

    /// Its handler has given it back.
    @inline(__always)
    func putDown(_ delivery: InFlight, _ block: Block?) {
        if delivery.isInHand { self.completeForgotten(delivery) }
        if let killSwitch = self.handle.killSwitch { Self.hide(delivery, block, killSwitch) }
        if let slot = self.slot { return slot.clear() }
        guard let entry = delivery.ledgerEntry else { return }
        delivery.ledgerEntry = nil
        self.ledger?.end(entry)
    }

    private static func hide(_ delivery: InFlight, _ block: Block?, _ killSwitch: KillSwitch) {
        // Too late, and its hang is counted, and it comes again.
        guard killSwitch.putDown(delivery) else { return }
        guard delivery.record.redelivered || delivery.isCopy, let block = block ?? delivery.block else { return }
        killSwitch.hung.forget(delivery.record, block)
    }

    /// A sync handler, or one that takes batches, has to say what becomes of a delivery before it returns.
    private func completeForgotten(_ delivery: InFlight) {
        self.handle.logger.error("a handler returned without an outcome; the delivery counts as failed")
        delivery.isInHand = false
        delivery.verdict = .retry
        delivery.reason = "the handler returned without an outcome"
    }
}
