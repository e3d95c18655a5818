import AMQPClient

/// Which delivery is begun next, and until when none is: batches of the channel, pauses, the rate limit, and what a crash
/// ledger asks for.
///
/// Times are nanoseconds of the monotonic clock.
struct Intake {
    /// A delivery that waits for others, to be begun with them.
    struct Collected {
        let record: ContentRecord
        let block: Block
        /// When it was read; 0 if nobody knows.
        var arrivedAt: UInt64 = 0
    }

    /// What becomes of the ``head`` of the batch.
    enum Turn: Equatable {
        case begin
        /// It goes to the dead letters, for this reason.
        case condemned(String)
        /// It stays where it is: there is a pause.
        case stay
    }

    private let limiter: RateLimiter?
    /// Of a handler that takes batches.
    private var collector: BatchCollector<Collected>?
    /// What the channel has given out last, and how far that is worked off.
    private var records: ContiguousArray<ContentRecord> = []
    private var next = 0
    /// Its octets; nil when it is worked off.
    private(set) var block: Block?
    /// When it was read; 0 if nobody knows.
    private(set) var arrivedAt: UInt64 = 0
    /// 0 without a pause.
    private(set) var pausedUntil: UInt64 = 0
    /// The end of the last pause that the rate limit asked for: it holds back what is not collected yet.
    private var limitedUntil: UInt64 = 0

    /// - Parameters:
    ///   - limiter: The job's, if it has one.
    ///   - batching: Of a handler that takes batches.
    init(_ limiter: RateLimiter?, batching: HandlerBatch? = nil) {
        self.limiter = limiter
        self.collector = batching.map { BatchCollector(size: $0.size, timeout: $0.timeout.nanoseconds) }
    }

    /// Whether deliveries are begun several at once.
    var collects: Bool { self.collector != nil }
    var hasCollected: Bool { self.collector?.elements.isEmpty == false }
    /// Deliveries that are here, and not begun.
    var count: Int { self.records.count - self.next + (self.collector?.elements.count ?? 0) }

    // MARK: Pauses

    /// Nothing begins until then.
    mutating func pause(until time: UInt64) { self.pausedUntil = max(self.pausedUntil, time) }

    mutating func endPause() { self.pausedUntil = 0 }

    /// Whether there is a pause; one that is over is forgotten.
    @inline(__always)
    mutating func isPaused(now: @autoclosure () -> UInt64) -> Bool {
        if self.pausedUntil == 0 { return false }
        if now() < self.pausedUntil { return true }
        self.pausedUntil = 0
        return false
    }

    /// When to look again though nothing comes.
    var wake: UInt64? {
        let pause = self.pausedUntil > 0 ? self.pausedUntil : nil
        guard let due = self.collector?.deadline else { return pause }
        let batch = pause == nil || pause == self.limitedUntil ? due : max(due, self.pausedUntil)
        return min(batch, pause ?? .max)
    }

    // MARK: One by one

    /// Takes in what the channel has given out, when the last one is worked off.
    mutating func add(_ batch: DeliveryBatch) {
        self.records = batch.records
        self.next = 0
        self.block = batch.block
        self.arrivedAt = batch.arrivedAt
    }

    /// Takes deliveries out that are dealt with in another way.
    mutating func remove(_ isOut: (ContentRecord) -> Bool) -> [ContentRecord] {
        let left = self.records[self.next...]
        guard left.contains(where: isOut) else { return [] }
        let out = left.filter(isOut)
        self.records = ContiguousArray(left.filter { !isOut($0) })
        self.next = 0
        return Array(out)
    }

    /// Whether all of the batch has had its turn.
    @inline(__always)
    var isWorkedOff: Bool { self.next >= self.records.count }

    /// Lets go of a batch that is worked off.
    @inline(__always)
    mutating func finish() {
        self.block = nil
        self.records = []
        self.next = 0
    }

    /// The next delivery of a batch that is not worked off.
    @inline(__always)
    var head: ContentRecord { self.records[self.next] }

    /// Whether the ``head`` of the batch has its turn; then it is the head no more.
    ///
    /// - Parameters:
    ///   - ledger: Asked first, if there is one.
    ///   - mayWait: Whether it is taken back if it is not begun; otherwise nothing holds it up.
    ///   - now: The time.
    /// - Returns: What becomes of it.
    @inline(__always)
    mutating func turn(_ ledger: LedgerLine?, mayWait: Bool, now: @autoclosure () -> UInt64) -> Turn {
        if let ledger, let block = self.block {
            switch ledger.look(at: self.head, block, mayWait: mayWait) {
            case .begin: break
            case .wait(let time):
                self.pausedUntil = now() &+ time
                return .stay
            case .condemned(let reason):
                self.next += 1
                return .condemned(reason)
            }
        }
        if mayWait, let limiter = self.limiter, self.isLimited(limiter, now()) {
            ledger?.putBack()
            return .stay
        }
        self.next += 1
        return .begin
    }

    private mutating func isLimited(_ limiter: RateLimiter, _ now: UInt64) -> Bool {
        let wait = limiter.take(now: now)
        guard wait > 0 else { return false }
        self.pausedUntil = now &+ wait
        self.limitedUntil = self.pausedUntil
        return true
    }

    // MARK: Together

    /// Moves what has come to those that wait for others.
    ///
    /// - Parameters:
    ///   - mayWait: As in ``turn(_:mayWait:now:)``.
    ///   - now: The time.
    /// - Returns: Whether there is room for more.
    mutating func collect(mayWait: Bool, now: UInt64) -> Bool {
        while let block = self.block, self.next < self.records.count {
            guard self.collector?.isFull == false else { return false }
            if mayWait, let limiter = self.limiter, self.isLimited(limiter, now) { return false }
            let (record, arrivedAt) = (self.records[self.next], self.arrivedAt)
            self.collector?.add(Collected(record: record, block: block, arrivedAt: arrivedAt), now: now)
            self.next += 1
        }
        self.finish()
        return self.collector?.isFull == false
    }

    /// The batch that is due.
    ///
    /// - Parameters:
    ///   - isLast: Whether nothing more comes, and nobody takes it back: then it waits for nothing.
    ///   - now: The time.
    /// - Returns: Nil if none is due, or there is a pause.
    mutating func takeDue(isLast: Bool, now: UInt64) -> [Collected]? {
        guard self.pausedUntil == 0 || self.pausedUntil == self.limitedUntil || now >= self.pausedUntil,
            self.collector?.isDue(now: isLast ? .max : now) == true
        else { return nil }
        return self.collector?.take()
    }

    /// Puts one back that was to be begun by itself.
    mutating func putBack(_ delivery: Collected, now: UInt64) { self.collector?.add(delivery, now: now) }

    // MARK: The end

    /// The deliveries that no handler has seen, the oldest first; they are nobody's then.
    mutating func removeAll() -> [UInt64] {
        var tags = self.collector?.take().map(\.record.deliveryTag) ?? []
        tags += self.records[self.next...].map(\.deliveryTag)
        self.finish()
        return tags
    }

    /// With its channel all of them come again, and no pause holds for the next one.
    mutating func channelEnded() {
        _ = self.removeAll()
        self.pausedUntil = 0
    }
}
