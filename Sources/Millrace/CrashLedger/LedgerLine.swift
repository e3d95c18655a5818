import AMQPClient
import CMillraceSystem
import Synchronization

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

    private let ledger: CrashLedger
    /// With the queue in it.
    private let seed: FingerprintHasher
    private let worker: Int
    private var free: [LedgerSlot]
    private let hasSuspects: Bool
    private var next = Fingerprint.none
    private var nextSuspect: (whole: Fingerprint, deaths: UInt32)?
    private var nextIsGated = false
    private var seclusion = Seclusion()
    /// Dead letters on their way, by delivery tag.
    private var setAside: [UInt64: (fingerprint: Fingerprint, whole: Fingerprint)] = [:]
    private let signalStack: UnsafeMutableRawPointer?

    init(_ ledger: CrashLedger, hasher: FingerprintHasher, worker: Int, slots: [LedgerSlot]) {
        self.ledger = ledger
        self.seed = hasher
        self.worker = worker
        self.free = slots
        self.hasSuspects = !ledger.watched.isEmpty
        self.signalStack = millrace_make_signal_stack()
    }

    /// The one slot of a worker that has one message in hand at a time, in a run without suspects: nothing has to be
    /// asked then.
    var plainSlot: LedgerSlot? { self.hasSuspects || self.free.count != 1 ? nil : self.free[0] }

    /// Whether deliveries have to be begun one by one, because some suspect has to run alone; never again once false.
    var isGated: Bool { self.hasSuspects && self.ledger.isGated.load(ordering: .relaxed) }

    /// On the worker's thread, when it ends; a thread that never comes back keeps its slots.
    func end() {
        millrace_drop_signal_stack(self.signalStack)
        self.ledger.giveBack(self.free)
        self.free = []
    }

    private func fingerprint(_ record: ContentRecord, _ block: Block, ends: Int?) -> Fingerprint {
        var hasher = self.seed
        hasher.add(record, block, ends: ends)
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
        self.hasSuspects ? self.lookSlowly(record, block, mayWait: mayWait) : .begin
    }

    private func lookSlowly(_ record: ContentRecord, _ block: Block, mayWait: Bool) -> Answer {
        self.next = self.fingerprint(record, block, ends: FingerprintHasher.bodyEnds)
        self.nextSuspect = nil
        self.nextIsGated = false
        var mustRunAlone = false
        if self.ledger.watched.contains(self.next), let suspect = self.ledger.suspect(self.next) {
            let whole = self.fingerprint(record, block, ends: nil)
            if self.ledger.isCondemned(self.next), suspect.whole.isNone || suspect.whole == whole {
                self.setAside[record.deliveryTag] = (self.next, whole)
                return .condemned(suspect.reason)
            }
            self.nextSuspect = (whole, suspect.deaths)
            mustRunAlone = suspect.isolation == .process
        }
        guard mayWait else { return .begin }
        guard self.seclusion.mayBegin(deaths: self.nextSuspect?.deaths, now: MonotonicClock.now()) else {
            return .wait(Seclusion.pause)
        }
        guard self.ledger.isGated.load(ordering: .relaxed) else { return .begin }
        let wait = self.ledger.begin(isSuspect: mustRunAlone, worker: self.worker)
        if wait > 0 { return .wait(wait) }
        self.nextIsGated = true
        return .begin
    }

    /// Its handler begins: the delivery that was looked at last.
    @inline(__always)
    func begin(_ record: ContentRecord, _ block: Block) -> LedgerEntry? {
        guard let slot = self.free.popLast() else { return nil }
        if !self.hasSuspects {
            slot.write(record, block)
            return LedgerEntry(slot: slot, isGated: false, isSuspect: false)
        }
        if let suspect = self.nextSuspect { slot.write(whole: suspect.whole) }
        self.seclusion.begin(deaths: self.nextSuspect?.deaths, now: MonotonicClock.now())
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
        self.seclusion.ended(wasSuspect: entry.isSuspect)
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
    func channelEnded() {
        self.setAside.removeAll()
        self.seclusion.channelEnded()
    }
}
