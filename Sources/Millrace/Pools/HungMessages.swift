import AMQPClient

/// The messages of a job that a handler has hung on: until each comes again and the attempt is counted, and how often.
///
/// In memory: after a restart, or on another host, such a message is a redelivered one like others.
final class HungMessages: Sendable {
    /// How a message was in hand when its handler hung.
    enum Circumstance: Sendable {
        /// The handler had this message and no other: it is to blame.
        case alone
        /// It was one of a batch: nobody knows which is to blame.
        case inBatch
    }
    private struct State {
        var messages: [(message: Fingerprint, circumstance: Circumstance)] = []
        var counts = HangCounts<Fingerprint>()
    }

    private let state = Monitor(State())
    /// Workers whose thread may be in a handler while the broker has taken its message back.
    private let workers = Monitor<@Sendable () -> [WorkerHandle]>({ [] })
    /// Messages that never come again, because somebody else has them, must not pile up.
    private static let limit = 1000

    /// Where ``noteTakenBack()`` looks.
    func watch(_ workers: @escaping @Sendable () -> [WorkerHandle]) { self.workers.withLock { $0 = workers } }

    /// A message came again: maybe one that another worker has in hand still.
    func noteTakenBack() {
        for handle in self.workers.withLock({ $0 })() {
            for (hand, circumstance) in handle.takenBack() {
                self.note(hand.record, hand.block, circumstance)
                handle.logTakenBack(hand.record.deliveryTag)
            }
        }
    }

    /// The other worker that has the same message in hand, if there is one.
    func holder(of record: ContentRecord, _ block: Block, besides own: WorkerHandle) -> WorkerHandle? {
        self.workers.withLock { $0 }().first { handle in
            guard handle !== own, let hand = handle.handAtWork, hand.record.bodyLength == record.bodyLength else {
                return false
            }
            return Fingerprint(of: hand.record, hand.block) == Fingerprint(of: record, block)
        }
    }

    /// A handler hung on this delivery.
    func note(_ record: ContentRecord, _ block: Block, _ circumstance: Circumstance) {
        let message = Fingerprint(of: record, block)
        let identity = MessageIdentity.of(record, block)
        let isFirst = !record.redelivered && !MessageIdentity.isCopy(record, block)
        let now = MonotonicClock.now()
        self.state.withLock { state in
            if state.messages.count == Self.limit { state.messages.removeFirst() }
            state.messages.append((message, circumstance))
            if circumstance == .alone { state.counts.hung(identity, isFirst: isFirst, now: now) }
        }
    }

    /// How it was noted; once for each time, and nil if it was not.
    func take(_ record: ContentRecord, _ block: Block) -> Circumstance? {
        guard self.state.withLock({ !$0.messages.isEmpty }) else { return nil }
        let message = Fingerprint(of: record, block)
        return self.state.withLock { state in
            guard let index = state.messages.firstIndex(where: { $0.message == message }) else { return nil }
            return state.messages.remove(at: index).circumstance
        }
    }

    /// Whether handlers have hung on it so often that it is set aside: original and copies together.
    func isSpent(_ record: ContentRecord, _ block: Block) -> Bool {
        guard self.hasCounts else { return false }
        let identity = MessageIdentity.of(record, block)
        let now = MonotonicClock.now()
        return self.state.withLock { $0.counts.hangs(identity, now: now) >= HangCounts<Fingerprint>.limit }
    }

    /// Its handler came back, or it was published anew: what was is over.
    func forget(_ record: ContentRecord, _ block: Block) {
        guard self.hasCounts else { return }
        let identity = MessageIdentity.of(record, block)
        self.state.withLock { $0.counts.forget(identity) }
    }

    private var hasCounts: Bool { self.state.withLock { !$0.counts.isEmpty } }
}
