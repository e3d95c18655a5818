import AMQPClient

/// How deliveries end: a ``Settling`` comes in, and what is to be done comes out; frames and counts go together.
///
/// Times are nanoseconds of the monotonic clock.
struct Settler {
    /// What is to be done for a delivery.
    enum Step: Equatable {
        /// ``send(_:_:on:now:)``.
        case settle(Settlement)
        /// Its outputs are published; it is acked when the broker has them.
        case publish
        /// A copy is set aside; the original is acked when the broker has it.
        case copy(CopyOrder)
        /// Nothing is sent: it counts as dropped.
        case drop
    }

    struct Decision: Equatable {
        let step: Step
        /// What is to be said; nil if it says nothing, or if it is only summed up.
        var line: FailureLine?
        /// The whole job is to stop, for this reason.
        var stopsJob: String?
    }

    /// What of a job decides how its deliveries end.
    struct Policy {
        let job: String
        /// The first of several.
        let queue: String
        /// `plugin.handler on HOST`.
        let place: String
        let onFailure: FailureAction
        let retry: RetryPolicy
        /// Without acks everything was settled when the broker sent it.
        let isAcked: Bool
        let prefetch: Int
    }

    let policy: Policy
    var counts = JobCounts()
    private var pause = FailurePause()
    private var report = FailureReport()
    private var kept = SetAside()
    /// While a batch is settled: what goes back, together at its end.
    private var goingBack: [UInt64]?
    private var slowUntil: UInt64 = 0
    /// The last one that was not told.
    private var failure: JobFailure?

    init(_ policy: Policy) { self.policy = policy }

    // MARK: Deciding

    /// - Parameters:
    ///   - settling: What is to become of the delivery.
    ///   - queue: Where it came from; nil is the job's first.
    ///   - random: 0..<1, for the jitter of a wait.
    ///   - now: The time.
    ///   - clock: Seconds since 1970.
    /// - Returns: What is to be done, and said.
    mutating func decide(
        _ settling: Settling,
        from queue: String? = nil,
        random: Double,
        now: UInt64,
        clock: UInt64
    ) -> Decision {
        let stop = settling.verdict == .stop ? Self.cut(settling.reason ?? "stopped by its handler") : nil
        if settling.isTakenBack { return Decision(step: .drop, stopsJob: stop) }
        if settling.verdict == .ack, settling.death == nil {
            return Decision(step: settling.hasOutputs ? .publish : .settle(.ack))
        }
        if let reason = settling.reason, settling.verdict.isFailure || settling.death != nil {
            self.failure = JobFailure(text: Self.cut(reason), time: Int64(clamping: clock))
        }
        let disposition = self.disposition(of: settling, random)
        return Decision(
            step: self.step(for: disposition, settling, queue ?? self.policy.queue, clock),
            line: settling.death == nil ? self.line(for: disposition, settling, now) : nil,
            stopsJob: stop
        )
    }

    private func disposition(of settling: Settling, _ random: Double) -> Disposition {
        if let death = settling.death { return .deadLetter(death) }
        let hasFailed = settling.verdict == .retry || settling.verdict == .alone
        return Disposition(
            settling.isCutShort && hasFailed ? .requeue : settling.verdict,
            delay: settling.delay,
            attempt: settling.attempt,
            onFailure: self.policy.onFailure,
            retry: self.policy.retry,
            random: random
        )
    }

    private func step(
        for disposition: Disposition,
        _ settling: Settling,
        _ queue: String,
        _ clock: UInt64
    ) -> Step {
        switch disposition {
        case .settle(let settlement):
            guard !self.policy.isAcked, let wait = Self.wayBack(settlement) else { return .settle(settlement) }
            return .copy(CopyOrder(target: .delay(wait), settlement: .snoozed, attempt: nil, note: nil))
        case .retry(let wait, let next):
            let note = self.note(settling, nil, queue, clock)
            return .copy(CopyOrder(target: .delay(wait), settlement: .retried, attempt: next, note: note))
        case .snooze(let wait):
            return .copy(CopyOrder(target: .delay(wait), settlement: .snoozed, attempt: nil, note: nil))
        case .deadLetter(let reason):
            let note = self.note(settling, reason, queue, clock)
            return .copy(
                CopyOrder(target: .deadLetter, settlement: .deadLettered, attempt: settling.attempt, note: note)
            )
        }
    }

    /// Without acks the broker takes nothing back: a copy comes again, after a failure not at once.
    private static func wayBack(_ settlement: Settlement) -> Wait? {
        switch settlement {
        case .giveBack: Wait(milliseconds: 1)
        case .rejectRequeue: Wait(milliseconds: 1000)
        case .ack, .discard, .reject, .retried, .deadLettered, .snoozed: nil
        }
    }

    private func note(
        _ settling: Settling,
        _ reason: FailureNote.Reason?,
        _ queue: String,
        _ clock: UInt64
    ) -> FailureNote {
        FailureNote(
            job: self.policy.job,
            queue: queue,
            place: self.policy.place,
            error: settling.reason ?? "none given",
            time: clock,
            reason: reason
        )
    }

    // MARK: Saying

    private mutating func line(for disposition: Disposition, _ settling: Settling, _ now: UInt64) -> FailureLine? {
        let outcome: String
        var isFinal = false
        switch disposition {
        case .settle(let settlement):
            guard settlement.isFailure || settlement == .discard else { return nil }
            outcome = "\(settlement)"
            isFinal = settlement == .reject
        case .retry(let wait, let attempt):
            outcome = "attempt \(attempt) in \(DurationText.write(.milliseconds(wait.milliseconds)))"
        case .deadLetter(let reason):
            outcome = "dead letter: \(reason.rawValue)"
            isFinal = true
        case .snooze: return nil
        }
        guard self.report.failed(isFinal: isFinal, now: now) else { return nil }
        return FailureLine(
            reason: Self.cut(settling.reason ?? "none given"),
            attempt: settling.shownAttempt,
            outcome: outcome,
            isFinal: isFinal
        )
    }

    /// How many failed without a line of their own, when it is time to say so.
    mutating func takeSum(now: @autoclosure () -> UInt64) -> FailureReport.Sum? {
        self.report.isQuiet ? nil : self.report.look(now: now())
    }

    /// Handlers give reasons of any length; a line of the log has one.
    private static func cut(_ reason: String) -> String { FailureNote.cut(reason, to: FailureNote.errorBudget) }

    // MARK: Settling

    /// A delivery without outputs whose handler has succeeded: the usual end.
    @inline(__always)
    mutating func acknowledge(_ tag: UInt64, on line: some SettleLine) {
        if !self.policy.isAcked || line.ack(tag: tag) {
            self.counts.acked += 1
        } else {
            self.counts.droppedAcks += 1
        }
        self.pause.succeeded()
    }

    /// Sends what the broker is to hear of a delivery, and counts it.
    ///
    /// - Parameters:
    ///   - settlement: What.
    ///   - tag: Of which.
    ///   - line: Its channel.
    ///   - isRefusedCopy: It goes back because a copy of it was not taken: the next ones come more slowly.
    ///   - now: The time.
    mutating func send(
        _ settlement: Settlement,
        _ tag: UInt64,
        on line: some SettleLine,
        isRefusedCopy: Bool = false,
        now: @autoclosure () -> UInt64
    ) {
        let isAcked = self.policy.isAcked
        if settlement == .giveBack, isAcked, self.goingBack != nil {
            self.goingBack?.append(tag)
            if isRefusedCopy { self.copyRefused(now: now()) }
            return
        }
        let wasOutstanding =
            switch settlement {
            case .ack, .discard, .retried, .deadLettered, .snoozed: !isAcked || line.ack(tag: tag)
            case .reject: !isAcked || line.reject(tag: tag, requeue: false)
            case .rejectRequeue: !isAcked || line.reject(tag: tag, requeue: true)
            case .giveBack: !isAcked || line.nack(tag: tag, requeue: true)
            }
        if wasOutstanding { self.counts.count(settlement) } else { self.counts.droppedAcks += 1 }
        if isRefusedCopy { self.copyRefused(now: now()) } else { self.note(settlement, now()) }
    }

    /// The same for many that go back: for a broker each costs as much as all of them together.
    mutating func giveBack(_ tags: [UInt64], on line: some SettleLine) {
        guard !tags.isEmpty else { return }
        let count = line.giveBack(tags: tags)
        self.counts.givenBack += count
        self.counts.droppedAcks += tags.count - count
    }

    /// From here on what goes back is collected.
    mutating func beginBatch() { self.goingBack = [] }

    /// What was collected goes back.
    mutating func endBatch(on line: some SettleLine) {
        let tags = self.goingBack ?? []
        self.goingBack = nil
        self.giveBack(tags, on: line)
    }

    /// The channel of a delivery ended before its handler: with acks its broker gives it out again; without them it is
    /// done, or lost.
    ///
    /// - Returns: Whether it is lost.
    mutating func channelIsGone(_ verdict: HandlerVerdict, hasOutputs: Bool) -> Bool {
        if self.policy.isAcked {
            self.counts.droppedAcks += 1
        } else if verdict == .ack, !hasOutputs {
            self.counts.acked += 1
        } else if verdict == .discard {
            self.counts.discarded += 1
        } else {
            self.counts.lost += 1
            return true
        }
        return false
    }

    // MARK: How fast to go on

    private mutating func note(_ settlement: Settlement, _ now: @autoclosure () -> UInt64) {
        switch settlement {
        case .ack, .discard: self.pause.succeeded()
        case .retried, .deadLettered, .snoozed: self.pause.copyConfirmed()
        case .reject, .giveBack: break
        case .rejectRequeue: self.wentBack(now: now())
        }
    }

    /// Something failed and comes again at once: the next ones come more slowly.
    mutating func wentBack(now: UInt64) { self.slowDown(until: self.pause.requeued(now: now)) }

    /// A copy was not taken: likewise.
    mutating func copyRefused(now: UInt64) { self.slowDown(until: self.pause.copyRefused(now: now)) }

    private mutating func slowDown(until time: UInt64) { self.slowUntil = max(self.slowUntil, time) }

    /// Until when nothing should begin, said once; 0 if nothing speaks against it.
    mutating func takePause() -> UInt64 {
        defer { self.slowUntil = 0 }
        return self.slowUntil
    }

    // MARK: What can not be copied

    /// The broker takes no copy of a message, whatever the target: it leaves its queue by the broker's own dead-lettering, if
    /// its queue has that, and else is kept in hand for a while before it goes back.
    ///
    /// - Parameters:
    ///   - tag: Its delivery.
    ///   - brokerDeadLetters: Whether its queue has a target of its own.
    ///   - isEnding: Whether nobody waits any more.
    ///   - now: The time.
    /// - Returns: What to send; nil if it is kept.
    mutating func uncopyable(_ tag: UInt64, brokerDeadLetters: Bool, isEnding: Bool, now: UInt64) -> Settlement? {
        if brokerDeadLetters { return .reject }
        if !isEnding, self.kept.add(tag, prefetch: self.policy.prefetch, now: now) { return nil }
        return .giveBack
    }

    /// Deliveries that are kept.
    var keptCount: Int { self.kept.count }

    /// Gives back what was kept for long enough.
    mutating func giveBackKept(on line: some SettleLine, now: @autoclosure () -> UInt64) {
        guard !self.kept.isEmpty else { return }
        let time = now()
        let tags = self.kept.due(now: time)
        guard !tags.isEmpty else { return }
        self.giveBack(tags, on: line)
        self.copyRefused(now: time)
    }

    /// Takes all of them out.
    mutating func takeKept() -> [UInt64] { self.kept.removeAll() }

    /// When there is something to do though nothing comes.
    var wake: UInt64? { [self.kept.wake, self.report.deadline].compactMap(\.self).min() }

    /// Its channel has ended: what was kept comes again, and no pause holds for the next one.
    ///
    /// - Returns: How many were kept.
    mutating func channelEnded() -> Int {
        self.goingBack = nil
        self.slowUntil = 0
        return self.kept.removeAll().count
    }

    /// What went wrong last since the last time, if something did.
    mutating func takeFailure() -> JobFailure? {
        if self.failure == nil { return nil }
        defer { self.failure = nil }
        return self.failure
    }

    /// What was counted since the last time.
    mutating func takeCounts() -> JobCounts {
        defer { self.counts = JobCounts() }
        return self.counts
    }
}
