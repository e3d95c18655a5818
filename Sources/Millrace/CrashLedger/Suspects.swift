/// How the last run ended, and what was in hand then.
package struct LastRun: Equatable, Sendable {
    /// A delivery whose handler had begun and not ended.
    package struct InHand: Equatable, Sendable {
        package var fingerprint: Fingerprint
        package var whole: Fingerprint
        package var thread: UInt32
        package var job: String
        package var deliveryTag: UInt64
        package var bodyBytes: UInt64

        package init(
            _ fingerprint: Fingerprint,
            whole: Fingerprint = .none,
            thread: UInt32,
            job: String = "",
            deliveryTag: UInt64 = 0,
            bodyBytes: UInt64 = 0
        ) {
            self.fingerprint = fingerprint
            self.whole = whole
            self.thread = thread
            self.job = job
            self.deliveryTag = deliveryTag
            self.bodyBytes = bodyBytes
        }
    }

    package enum Ending: UInt64, Sendable {
        /// It was working.
        case running = 0
        /// It had been told to stop.
        case draining = 1
        /// It had stopped in order.
        case ended = 2
    }

    package var ending = Ending.ended
    /// The signal that it brought on itself; 0 if none was noted, as after a SIGKILL.
    package var signal: Int32 = 0
    /// The thread that the signal hit.
    package var thread: UInt32 = 0
    package var inHand: [InHand] = []

    package init(ending: Ending, signal: Int32 = 0, thread: UInt32 = 0, inHand: [InHand] = []) {
        self.ending = ending
        self.signal = signal
        self.thread = thread
        self.inHand = inHand
    }
}

/// The messages that were in hand when the process died.
///
/// A value without I/O.
package struct Suspects: Equatable, Sendable {
    package private(set) var entries: [Suspect] = []
    package let limit: Int
    package let capacity: Int
    /// The machine's start that their times are of.
    private var boot: UInt64

    /// What happened so long ago counts no more.
    package static let longestMemory: UInt64 = 24 * 3600

    /// - Parameters:
    ///   - entries: Of the ledger.
    ///   - limit: How many crashes make a dead letter, from 2.
    ///   - capacity: How many suspects are kept.
    ///   - boot: The machine's start that the ledger was written after.
    package init(_ entries: [Suspect] = [], limit: Int, capacity: Int = 1024, boot: UInt64 = 0) {
        self.entries = entries
        self.boot = boot
        self.limit = limit
        self.capacity = capacity
    }

    package subscript(fingerprint: Fingerprint) -> Suspect? { self.entries.first { $0.fingerprint == fingerprint } }

    /// Those that may not have been the one.
    private var unsure: [Suspect] {
        self.entries.filter { $0.isolation != .none && !$0.isCondemned(limit: self.limit) }
    }

    package var areAnyToRunAlone: Bool { !self.unsure.isEmpty }

    /// How often the process died without anybody knowing which of these it was; 0 if there are none.
    package var unsureDeaths: UInt32 { self.unsure.map(\.deaths).max() ?? 0 }

    package func isCondemned(_ fingerprint: Fingerprint) -> Bool {
        self[fingerprint]?.isCondemned(limit: self.limit) ?? false
    }

    // MARK: Counting

    /// What the end of the last run says about the messages that were in hand.
    ///
    /// Only one that was seen to be the culprit comes nearer to the dead letters: the only one in the hands of the
    /// thread that crashed, or the only one in hand at all. Of several each is put on the list, once.
    ///
    /// - Returns: Those that were put on the list or came nearer.
    package mutating func judge(_ run: LastRun, now: LedgerTime) -> [LastRun.InHand] {
        self.forget(now)
        // A stop that took too long for somebody is no crash.
        guard run.ending == .running || (run.ending == .draining && run.signal != 0) else { return [] }
        let ofThread = run.signal == 0 ? [] : run.inHand.filter { $0.thread == run.thread }
        let suspected = ofThread.isEmpty ? run.inHand : ofThread
        let weight: UInt32 = run.signal == 0 ? 1 : 2
        let isolation: Isolation = suspected.count == 1 ? .none : ofThread.isEmpty ? .process : .worker
        for message in suspected { self.count(message, weight, isolation, signal: run.signal, now: now) }
        if self.entries.count > self.capacity {
            self.entries.sort { $0.halves > $1.halves }
            self.entries.removeLast(self.entries.count - self.capacity)
        }
        return suspected
    }

    /// What is old goes; the times of the rest are put right for the clocks of today.
    ///
    /// A clock that was set back, or forward, says nothing about a message: one whose age nobody knows is as of now.
    private mutating func forget(_ now: LedgerTime) {
        let isSameBoot = now.boot != 0 && now.boot == self.boot
        self.boot = now.boot
        self.entries = self.entries.compactMap { suspect in
            var suspect = suspect
            if !isSameBoot { suspect.lastDeathSinceBoot = nil }
            let age = now.age(wall: suspect.lastDeath, sinceBoot: suspect.lastDeathSinceBoot) ?? 0
            guard age <= Self.longestMemory else { return nil }
            suspect.lastDeath = now.wall - min(age, now.wall)
            if now.sinceBoot >= age, now.boot != 0 { suspect.lastDeathSinceBoot = now.sinceBoot - age }
            return suspect
        }
    }

    private mutating func count(
        _ message: LastRun.InHand,
        _ weight: UInt32,
        _ isolation: Isolation,
        signal: Int32,
        now: LedgerTime
    ) {
        let isSure = isolation == .none
        let index: Int
        if let known = self.entries.firstIndex(where: { $0.fingerprint == message.fingerprint }) {
            index = known
        } else {
            index = self.entries.count
            self.entries.append(Suspect(fingerprint: message.fingerprint))
        }
        var suspect = self.entries[index]
        // What is condemned has been told apart from all others by its whole body.
        if isSure, !suspect.whole.isNone, !message.whole.isNone, suspect.whole != message.whole {
            suspect = Suspect(fingerprint: message.fingerprint)
        }
        suspect.deaths += 1
        suspect.halves = isSure ? suspect.halves + weight : max(suspect.halves, weight)
        suspect.isolation = isolation
        suspect.signal = signal
        suspect.lastDeath = now.wall
        suspect.lastDeathSinceBoot = now.boot == 0 ? nil : now.sinceBoot
        if !message.whole.isNone { suspect.whole = message.whole }
        self.entries[index] = suspect
    }

    /// It was run again, and the process lives; or it is among the dead letters.
    ///
    /// Another message that is only alike at its ends says nothing about it.
    package mutating func remove(_ fingerprint: Fingerprint, whole: Fingerprint) {
        self.entries.removeAll {
            $0.fingerprint == fingerprint && ($0.whole.isNone || $0.whole == whole)
        }
    }
}
