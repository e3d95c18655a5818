import AMQPClient
import CMillraceSystem
import Synchronization

/// The place of one delivery in the ledger.
struct LedgerSlot {
    private let words: UnsafeMutablePointer<UInt64>

    init(_ memory: UnsafeMutableRawPointer, job: String) {
        self.words = memory.assumingMemoryBound(to: UInt64.self)
        self.words[LedgerLayout.Slot.thread] = UInt64(millrace_thread_id())
        for (index, octet) in job.utf8.prefix(LedgerLayout.Slot.nameOctets).enumerated() {
            memory.storeBytes(of: octet, toByteOffset: LedgerLayout.Slot.name + index, as: UInt8.self)
        }
    }

    /// The first word last: a slot that is half written counts as free, and its handler has not begun.
    @inline(__always)
    func write(_ fingerprint: Fingerprint, _ record: ContentRecord) {
        self.words[LedgerLayout.Slot.high] = fingerprint.high
        self.words[LedgerLayout.Slot.deliveryTag] = record.deliveryTag
        self.words[LedgerLayout.Slot.bodyBytes] = UInt64(record.bodyLength)
        self.words[LedgerLayout.Slot.low] = fingerprint.low
    }

    func write(whole: Fingerprint) {
        self.words[LedgerLayout.Slot.wholeHigh] = whole.high
        self.words[LedgerLayout.Slot.wholeLow] = whole.low
    }

    var fingerprint: Fingerprint {
        Fingerprint(low: self.words[LedgerLayout.Slot.low], high: self.words[LedgerLayout.Slot.high])
    }

    var whole: Fingerprint {
        Fingerprint(low: self.words[LedgerLayout.Slot.wholeLow], high: self.words[LedgerLayout.Slot.wholeHigh])
    }

    @inline(__always)
    func clear() { self.words[LedgerLayout.Slot.low] = 0 }
}

/// What a delivery in hand has to do with the ledger.
struct LedgerEntry {
    let slot: LedgerSlot
    /// It has asked before it began.
    let isGated: Bool
    let isSuspect: Bool
}

/// One worker's part of the ledger; on its thread alone.
final class LedgerLine {
    /// What to do with the next delivery.
    enum Answer {
        case begin
        /// Ask again after so many nanoseconds.
        case wait(UInt64)
        /// A dead letter, for this reason.
        case condemned(String)
    }

    /// Octets of a body that count at its beginning and at its end.
    static let bodyEnds = 512

    private let ledger: CrashLedger
    /// With the queue in it.
    private let seed: FingerprintHasher
    private let worker: Int
    private var free: [LedgerSlot]
    private let hasSuspects: Bool
    private var next = Fingerprint.none
    /// Of all its octets, if it is a suspect.
    private var nextSuspect: Fingerprint?
    private var nextIsGated = false
    /// Dead letters on their way, by delivery tag.
    private var setAside: [UInt64: (fingerprint: Fingerprint, whole: Fingerprint)] = [:]
    private let signalStack: UnsafeMutableRawPointer?

    init(_ ledger: CrashLedger, queue: String, worker: Int, slots: [LedgerSlot]) {
        self.ledger = ledger
        var seed = FingerprintHasher(seed: ledger.seed)
        Array(queue.utf8).withUnsafeBytes { seed.add($0) }
        self.seed = seed
        self.worker = worker
        self.free = slots
        self.hasSuspects = !ledger.watched.isEmpty
        self.signalStack = millrace_make_signal_stack()
    }

    /// On the worker's thread, when it ends.
    func end() { millrace_drop_signal_stack(self.signalStack) }

    private func fingerprint(_ record: ContentRecord, _ block: Block, ends: Int?) -> Fingerprint {
        var hasher = self.seed
        hasher.add(
            method: block.slice(record.methodOffset, record.methodLength),
            header: block.slice(record.headerOffset, record.headerLength),
            body: block.slice(record.bodyOffset, record.bodyLength),
            ends: ends
        )
        return hasher.fingerprint
    }

    /// Looks at a delivery before its handler gets it.
    ///
    /// - Parameters:
    ///   - record: Where it lies in the block.
    ///   - block: Its octets.
    ///   - mayWait: False when nobody would take it back.
    /// - Returns: What to do with it.
    @inline(__always)
    func look(at record: ContentRecord, _ block: Block, mayWait: Bool) -> Answer {
        self.next = self.fingerprint(record, block, ends: Self.bodyEnds)
        if !self.hasSuspects { return .begin }
        return self.lookSlowly(record, block, mayWait: mayWait)
    }

    private func lookSlowly(_ record: ContentRecord, _ block: Block, mayWait: Bool) -> Answer {
        self.nextSuspect = nil
        self.nextIsGated = false
        if self.ledger.watched.contains(self.next), let suspect = self.ledger.suspect(self.next) {
            let whole = self.fingerprint(record, block, ends: nil)
            if self.ledger.isCondemned(self.next), suspect.whole.isNone || suspect.whole == whole {
                self.setAside[record.deliveryTag] = (self.next, whole)
                return .condemned(suspect.reason)
            }
            self.nextSuspect = whole
        }
        guard mayWait, self.ledger.isGated.load(ordering: .relaxed) else { return .begin }
        let wait = self.ledger.begin(isSuspect: self.nextSuspect != nil, worker: self.worker)
        if wait > 0 { return .wait(wait) }
        self.nextIsGated = true
        return .begin
    }

    /// Its handler begins: the delivery that was looked at last.
    @inline(__always)
    func begin(_ record: ContentRecord) -> LedgerEntry? {
        guard let slot = self.free.popLast() else { return nil }
        if let whole = self.nextSuspect { slot.write(whole: whole) }
        slot.write(self.next, record)
        return LedgerEntry(slot: slot, isGated: self.nextIsGated, isSuspect: self.nextSuspect != nil)
    }

    /// What was looked at last is not begun yet.
    func putBack() {
        if self.nextIsGated { self.ledger.ended(by: self.worker) }
        self.nextIsGated = false
    }

    /// Its handler has ended, and the process lives.
    @inline(__always)
    func end(_ entry: LedgerEntry) {
        if self.hasSuspects {
            self.endSlowly(entry)
        } else {
            entry.slot.clear()
        }
        self.free.append(entry.slot)
    }

    private func endSlowly(_ entry: LedgerEntry) {
        let (fingerprint, whole) = (entry.slot.fingerprint, entry.slot.whole)
        entry.slot.clear()
        if entry.isSuspect {
            entry.slot.write(whole: .none)
            self.ledger.remove(fingerprint, whole: whole)
        }
        if entry.isGated { self.ledger.ended(by: self.worker) }
    }

    /// The broker has confirmed a dead letter, if this was one of ours: its twins are judged anew.
    func wasSetAside(_ deliveryTag: UInt64) {
        guard let message = self.setAside.removeValue(forKey: deliveryTag) else { return }
        self.ledger.remove(message.fingerprint, whole: message.whole)
    }

    /// With the channel its delivery tags end.
    func channelEnded() { self.setAside.removeAll() }
}
