import AMQPClient
import AMQPWire
import CMillraceSystem
import Glibc
import Logging
import Synchronization

/// What every worker has in hand, in a file that outlives the process; and the messages that were in hand when the last
/// one died.
///
/// Why: record 6, crash ledger.
// @unchecked Sendable: the header is written before and after the workers are there, each slot by its one worker, and the
// rows of the suspects under the lock of `book`.
final class CrashLedger: @unchecked Sendable {
    struct Book {
        var suspects: Suspects
        var quarantine: Quarantine
        /// All of the file.
        var memory: UnsafeMutableRawBufferPointer
        /// Shorter mappings of it, with slots that are in use there.
        var earlier: [UnsafeMutableRawBufferPointer] = []
        var slotCount: Int
        /// Nobody's at the moment; the last one goes first.
        var freeSlots: [Int]
    }

    let seed: Fingerprint
    let path: String
    private let file: LedgerFile
    private let memory: UnsafeMutableRawBufferPointer
    private let book: Monitor<Book>
    /// Those that are recognised in this run; the list only gets shorter.
    let watched: Set<Fingerprint>
    /// Whether deliveries have to ask before they begin, because some suspect has to run alone; never set again.
    let isGated: Atomic<Bool>
    private let logger: Logger

    /// Opens the ledger, judges the last run and begins a new one.
    ///
    /// - Parameters:
    ///   - path: Its file; made if it is not there. What is no ledger is refused.
    ///   - slots: Deliveries that may be in hand at once.
    ///   - limit: How many crashes make a dead letter.
    ///   - now: The time.
    ///   - logger: Gets what the last run left.
    /// - Throws: A ``LedgerFileError``; then there is no ledger.
    init(path: String, slots: Int, limit: Int, now: LedgerTime, logger: Logger) throws(LedgerFileError) {
        let file = try LedgerFile.open(path)
        let (image, isEmpty) = file.read()
        var suspects = Suspects(
            image?.suspects ?? [],
            limit: limit,
            capacity: LedgerLayout.suspectCapacity,
            boot: image?.boot ?? 0
        )
        let judged = image.map { suspects.judge($0.run, now: now) } ?? []
        let slotCount = min(slots, LedgerLayout.slotLimit)
        do throws(LedgerFileError) {
            self.memory = try file.map(octets: LedgerLayout.octets(slots: slotCount), isKept: image != nil)
        } catch {
            file.abandon()
            throw error
        }
        self.file = file
        self.path = file.path
        self.logger = logger
        self.seed = image?.seed ?? .ofProcess
        self.watched = Set(suspects.entries.map(\.fingerprint))
        self.isGated = Atomic(suspects.areAnyToRunAlone)
        self.book = Monitor(
            Book(
                suspects: suspects,
                quarantine: Quarantine(deaths: suspects.unsureDeaths),
                memory: self.memory,
                slotCount: slotCount,
                freeSlots: (0..<slotCount).reversed()
            )
        )
        if image == nil, !isEmpty {
            logger.warning("this crash ledger is damaged; it is begun anew", metadata: ["path": "\(file.path)"])
        }
        self.begin(suspects, now.boot)
        if millrace_note_crashes(self.mark) != 0 {
            logger.warning("too many crash ledgers in one process: crashes are counted without their signal")
        }
        if let run = image?.run { self.report(run, judged) }
    }

    private func report(_ run: LastRun, _ judged: [LastRun.InHand]) {
        guard !judged.isEmpty else { return }
        let how = run.signal == 0 ? "without a signal of its own (killed?)" : "by \(SignalName.of(run.signal))"
        self.logger.warning(
            "the process died \(how) with \(Plural.of(run.inHand.count, "message")) in hand",
            metadata: ["suspects": .number(judged.count), "ledger": "\(self.path)"]
        )
        for message in judged.prefix(10) {
            self.logger.warning(
                "in hand when the process died",
                metadata: [
                    "job": "\(message.job)", "delivery": .number(message.deliveryTag),
                    "body_bytes": .number(message.bodyBytes),
                    "deaths": .number(self.suspect(message.fingerprint)?.deaths ?? 0),
                ]
            )
        }
    }

    /// So many more deliveries may be in hand from now on than the free slots have room for: the file grows.
    ///
    /// On the supervisor's thread. Without room on the disk it stays as it is, and who finds no slot works without one.
    func makeRoom(for hands: Int) {
        let (free, count) = self.book.withLock { ($0.freeSlots.count, $0.slotCount) }
        let wanted = min(count + hands - free, LedgerLayout.slotLimit)
        guard wanted > count else { return }
        do throws(LedgerFileError) {
            let memory = try self.file.map(octets: LedgerLayout.octets(slots: wanted), isKept: true)
            self.book.withLock { book in
                book.earlier.append(book.memory)
                book.memory = memory
                book.slotCount = wanted
                book.freeSlots.insert(contentsOf: (count..<wanted).reversed(), at: 0)
                self.word(LedgerLayout.Header.slotCount)?.pointee = UInt64(wanted)
            }
        } catch {
            self.logger.warning("the crash ledger can not grow", metadata: ["reason": "\(error)"])
        }
    }

    /// Gives each worker its slots, on its thread; nil if there are none left.
    ///
    /// ``giveBack(_:)`` has to follow.
    func line(for job: JobDefinition, hands: Int) -> LedgerLine? {
        let taken: (slots: [Int], start: UnsafeMutableRawPointer?)? = self.book.withLock { book in
            guard book.freeSlots.count >= hands else { return nil }
            defer { book.freeSlots.removeLast(hands) }
            return (book.freeSlots.suffix(hands), book.memory.baseAddress)
        }
        guard let (taken, start) = taken, let first = taken.first, let start else {
            self.logger.warning("the crash ledger has no slot left", metadata: ["job": "\(job.name)"])
            return nil
        }
        var hasher = FingerprintHasher(seed: self.seed)
        Array(job.queue.utf8).withUnsafeBytes { hasher.add($0) }
        let slots = taken.map { slot in
            LedgerSlot(
                start + LedgerLayout.slotsOffset + slot * LedgerLayout.slotOctets,
                number: slot,
                job: job.name,
                hasher: hasher
            )
        }
        return LedgerLine(self, hasher: hasher, worker: first, slots: slots)
    }

    /// Nothing is in hand there, and nobody writes there any more.
    func giveBack(_ slots: [LedgerSlot]) {
        self.book.withLock { $0.freeSlots += slots.map(\.number) }
    }

    // MARK: Suspects

    func suspect(_ fingerprint: Fingerprint) -> Suspect? {
        self.book.withLock { $0.suspects[fingerprint] }
    }

    func isCondemned(_ fingerprint: Fingerprint) -> Bool {
        self.book.withLock { $0.suspects.isCondemned(fingerprint) }
    }

    /// It was run again and did no harm, or is set aside.
    func remove(_ fingerprint: Fingerprint, whole: Fingerprint) {
        self.book.withLock { book in
            book.suspects.remove(fingerprint, whole: whole)
            self.write(book.suspects)
            if !book.suspects.areAnyToRunAlone { self.isGated.store(false, ordering: .relaxed) }
        }
    }

    /// How many nanoseconds to wait before asking again; 0 if it may begin, and then ``ended(by:)`` has to follow.
    func begin(isSuspect: Bool, worker: Int) -> UInt64 {
        let now = MonotonicClock.now()
        return self.book.withLock { book in
            let answer = book.quarantine.begin(isSuspect: isSuspect, worker: worker, now: now)
            if book.quarantine.isOver(now: now) { self.isGated.store(false, ordering: .relaxed) }
            return answer == .begin ? 0 : Quarantine.pause
        }
    }

    func ended(by worker: Int) { self.book.withLock { $0.quarantine.ended(by: worker) } }

    // MARK: The file

    private func word(_ index: Int) -> UnsafeMutablePointer<UInt64>? {
        self.memory.baseAddress?.assumingMemoryBound(to: UInt64.self).advanced(by: index)
    }

    private var mark: UnsafeMutablePointer<UInt64>? { self.word(LedgerLayout.Header.mark) }

    /// The run of before is judged: first it is done with, so that nobody is judged twice, then its suspects are
    /// there, then what it had in hand goes.
    private func begin(_ suspects: Suspects, _ boot: UInt64) {
        self.word(LedgerLayout.Header.ending)?.pointee = LastRun.Ending.ended.rawValue
        self.write(suspects)
        self.wipeSlots()
        self.mark?.pointee = 0
        self.writeHeader(boot)
    }

    private func writeHeader(_ boot: UInt64) {
        self.word(LedgerLayout.Header.boot)?.pointee = boot
        self.word(LedgerLayout.Header.slotCount)?.pointee = UInt64(self.book.withLock { $0.slotCount })
        self.word(LedgerLayout.Header.seedLow)?.pointee = self.seed.low
        self.word(LedgerLayout.Header.seedHigh)?.pointee = self.seed.high
        self.word(LedgerLayout.Header.ending)?.pointee = LastRun.Ending.running.rawValue
        self.word(LedgerLayout.Header.magic)?.pointee = LedgerLayout.magic
    }

    private func write(_ suspects: Suspects) {
        let rows = suspects.entries.prefix(LedgerLayout.suspectCapacity)
        let start = LedgerLayout.headerOctets / 8
        for (row, suspect) in rows.enumerated() {
            for (index, word) in suspect.words.enumerated() { self.word(start + row * 8 + index)?.pointee = word }
        }
        for row in rows.count..<LedgerLayout.suspectCapacity { self.word(start + row * 8)?.pointee = 0 }
    }

    /// It was told to stop: should somebody lose patience and kill it, then that is no crash.
    func drainBegan() { self.word(LedgerLayout.Header.ending)?.pointee = LastRun.Ending.draining.rawValue }

    /// What a worker that was left behind has in hand, nobody will ask for.
    private func wipeSlots() {
        let memory = self.book.withLock { $0.memory }
        UnsafeMutableRawBufferPointer(rebasing: memory[LedgerLayout.slotsOffset...])
            .initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// The run has ended in order; what is still in hand is nobody's fault.
    ///
    /// The memory stays as long as there is a ``LedgerLine``: a handler that was left behind may still be at it.
    func end() {
        millrace_forget_crashes(self.mark)
        self.word(LedgerLayout.Header.ending)?.pointee = LastRun.Ending.ended.rawValue
        let isEmpty = self.book.withLock { $0.suspects.entries.isEmpty }
        if isEmpty { return self.file.remove() }
        self.wipeSlots()
        self.file.close()
    }

    deinit {
        millrace_forget_crashes(self.mark)
        let mappings = self.book.withLock { $0.earlier + [$0.memory] }
        for mapping in mappings { munmap(mapping.baseAddress, mapping.count) }
    }
}
