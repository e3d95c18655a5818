package import AMQPCore

/// Inputs whose handler has succeeded, on their way to having all their outputs accepted by the broker: which of them
/// publishes now, which waits because the broker refused it, and which is at fault when the channel for outputs ends.
///
/// `Load` is what the owner keeps for an input. Times are nanoseconds of the monotonic clock.
///
/// Why: record 5, outputs on a channel of their own.
package struct OutputQueue<Load> {
    /// How inputs share what the broker has to do for them.
    package struct Plan: Equatable, Sendable {
        /// Whether groups are committed, one after the other; otherwise each output is answered for itself.
        package var isTransactional: Bool
        /// At most so many inputs in a group.
        package var size: Int
        /// How long the first of a group waits for others, in nanoseconds; 0 only until its worker has nothing to do.
        package var timeout: UInt64
        /// How long what was sent waits for its answer before it goes again on another channel, in nanoseconds.
        package var patience: UInt64

        package init(isTransactional: Bool, size: Int, timeout: UInt64, patience: UInt64 = AnswerPatience.usual) {
            self.isTransactional = isTransactional
            self.size = size
            self.timeout = timeout
            self.patience = patience
        }
    }

    private struct Input {
        let load: Load
        let outputs: Int
        let since: UInt64
        var pass: OutputPass
        var sentAt: UInt64 = 0
        /// The broker has refused it at least once.
        var wasRefused = false
        /// It ended a channel when it was refused: it goes alone, output by output, so that each is answered for itself.
        var goesAlone = false
    }

    /// Outputs of one input: a token has its number and the output's place.
    package static var outputLimit: Int { 1 << Self.placeBits }
    private static var placeBits: UInt64 { 24 }
    /// So many refusals in a row that each cost a channel, and everybody waits for the pause.
    private static var channelsAtOnce: Int { 3 }
    /// How long what is under way is waited for before another channel takes over.
    package static var renewalPatience: UInt64 { 1_000_000_000 }

    private let plan: Plan
    private var inputs: [UInt64: Input] = [:]
    private var waiting = TokenLine()
    /// Were on their way when the channel ended: each goes alone now, so that the guilty one is found.
    private var suspects = TokenLine()
    /// Were refused, and wait for the pause.
    private var refused = TokenLine()
    /// Were refused, and go again.
    private var again = TokenLine()
    /// The same, of those that each go alone.
    private var retries = TokenLine()
    /// Of those that wait for the first time: so many go before the next retry.
    private var waitingFirst = 0
    private var alone: UInt64?
    private var nextNumber: UInt64 = 1
    /// Inputs that are sent wholly or in part, and not finished.
    private var underWay = 0
    /// Of the group that goes out at this time.
    private var leftOfGroup = 0
    private var isCommitDue = false
    /// Outputs of inputs that have left may still be unanswered: the end of the channel may be their fault.
    private var hasStrays = false
    private var pause = RefusalPause()
    /// Channels that refusals have ended in a row: of inputs that were refused for the first time, and of retries.
    private var channelsLost = (first: 0, retries: 0)
    private var renewBy: UInt64?
    private var patience: AnswerPatience
    /// Whether the last renewal was for want of answers, and not because of refusals.
    package private(set) var wasSilent = false
    /// Inputs that were refused and are here still.
    package private(set) var refusedCount = 0
    /// Outputs that were refused, since the last look.
    private var refusals = 0

    package init(_ plan: Plan) {
        self.plan = plan
        self.patience = AnswerPatience(plan.patience)
    }

    package var count: Int { self.inputs.count }
    package var isEmpty: Bool { self.inputs.isEmpty }
    /// Whether a whole group waits.
    package var isFull: Bool { self.waiting.count >= self.plan.size }
    /// Whether anything could be sent now or later without an answer first.
    package func hasUnsent(now: UInt64) -> Bool {
        self.waiting.count + self.suspects.count + self.again.count + self.retries.count > 0
            || self.pause.isOver(now: now)
            || self.alone.map { !self.isSent($0) } ?? false
    }

    /// Takes an input in that has at least one output; gives the token of its first one, those of the others follow.
    @discardableResult
    package mutating func add(_ load: Load, outputs: Int, now: UInt64) -> UInt64 {
        let number = self.nextNumber
        self.nextNumber = (number &+ 1) & (.max >> Self.placeBits)
        self.inputs[number] = Input(load: load, outputs: outputs, since: now, pass: OutputPass(outputs: outputs))
        self.waiting.append(number)
        return number << Self.placeBits
    }

    private static func number(_ token: UInt64) -> UInt64 { token >> Self.placeBits }
    private static func place(_ token: UInt64) -> Int { Int(token & UInt64(Self.outputLimit - 1)) }

    // MARK: Sending

    /// One output that is to be published now.
    package struct Step {
        package let token: UInt64
        package let load: Load
        package let index: Int
        /// If it is the first that goes: how many go.
        package let begins: Int?
    }

    /// The next output, or nil if none may go now; the same one until ``sent(_:now:)`` or ``remove(_:)``.
    ///
    /// `mayWait`: whether others may still come to join a group.
    package mutating func next(now: UInt64, mayWait: Bool) -> Step? {
        guard let number = self.numberToSend(now: now, mayWait: mayWait), let input = self.inputs[number] else {
            return nil
        }
        let place = input.pass.next
        return Step(
            token: number << Self.placeBits | UInt64(place),
            load: input.load,
            index: place,
            begins: input.pass.sent == 0 ? input.pass.count : nil
        )
    }

    private mutating func numberToSend(now: UInt64, mayWait: Bool) -> UInt64? {
        if self.pause.isOver(now: now) {
            guard !self.wantsNewChannel else { return nil }
            self.release()
        }
        if let alone = self.alone {
            guard let input = self.inputs[alone], !input.pass.isSent else { return nil }
            return input.goesAlone && input.pass.hasUnanswered ? nil : alone
        }
        if self.leftOfGroup == 0 {
            guard !self.isCommitDue, !self.isHeld(self.channelsLost.first) else { return nil }
            if let suspect = self.suspects.first {
                guard self.underWay == 0 else { return nil }
                self.suspects.removeFirst()
                self.alone = suspect
                return suspect
            }
            if let first = self.again.first { return first }
            let isDue = self.isGroupDue(now: now, mayWait: mayWait)
            if let retry = self.retries.first, !isDue || self.waitingFirst == 0,
                !self.isHeld(self.channelsLost.retries)
            {
                guard self.underWay == 0 else { return nil }
                self.retries.removeFirst()
                self.alone = retry
                return retry
            }
            guard isDue else { return nil }
            self.leftOfGroup = min(self.plan.size, self.waiting.count)
        }
        return self.waiting.first
    }

    private func isSent(_ number: UInt64) -> Bool { self.inputs[number]?.pass.isSent ?? true }

    private func isGroupDue(now: UInt64, mayWait: Bool) -> Bool {
        guard let first = self.waiting.first, let since = self.inputs[first]?.since else { return false }
        return self.isFull || !mayWait || self.plan.timeout == 0 || now >= since &+ self.plan.timeout
    }

    /// Each try would cost one more channel.
    private func isHeld(_ channelsLost: Int) -> Bool {
        channelsLost >= Self.channelsAtOnce && self.pause.until != nil
    }

    /// The output of the last step was published.
    ///
    /// - Returns: Whether it was the last one of its input.
    @discardableResult
    package mutating func sent(_ token: UInt64, now: UInt64) -> Bool {
        let number = Self.number(token)
        guard var input = self.inputs[number] else { return false }
        input.pass.nextWasSent()
        if input.pass.sent == 1 { self.underWay += 1 }
        input.sentAt = now
        self.patience.sent(now: now)
        self.inputs[number] = input
        if self.plan.isTransactional { self.isCommitDue = true }
        guard input.pass.isSent else { return false }
        self.leaveLine(number)
        return true
    }

    /// Takes out an input whose outputs do not matter any more: it can not be published, or needs no answer.
    package mutating func remove(_ token: UInt64) -> Load? {
        let number = Self.number(token)
        guard let input = self.inputs.removeValue(forKey: number) else { return nil }
        if input.pass.sent > 0 {
            self.isNotUnderWay()
            self.hasStrays = true
        }
        if !input.pass.isSent { self.leaveLine(number) }
        if self.alone == number { self.alone = nil }
        self.left(input)
        return input.load
    }

    private mutating func leaveLine(_ number: UInt64) {
        if self.again.first == number { return self.again.removeFirst() }
        guard self.waiting.first == number else { return }
        self.waiting.removeFirst()
        if self.leftOfGroup > 0 { self.leftOfGroup -= 1 }
        if self.waitingFirst > 0 { self.waitingFirst -= 1 }
    }

    private mutating func isNotUnderWay() {
        self.underWay -= 1
        if self.underWay == 0 { self.renewBy = nil }  // nothing is waited for
    }

    /// One that had been refused is not here any more.
    private mutating func left(_ input: Input) {
        guard input.wasRefused else { return }
        self.refusedCount -= 1
        guard self.refusedCount == 0 else { return }
        self.pause = RefusalPause()
        self.channelsLost = (0, 0)
        self.renewBy = nil
    }

    /// Whether what was sent waits for a commit, and nothing more of its group can be sent at this time.
    package var mustCommit: Bool { self.isCommitDue }

    /// Outputs that are committed have all been answered.
    package mutating func committed() { self.isCommitDue = false }

    /// When the first of a group has waited long enough, or what was refused; nil if nothing is due by the clock alone.
    package var deadline: UInt64? {
        let refusal = self.renewBy ?? self.pause.until
        guard self.plan.timeout > 0, self.leftOfGroup == 0, !self.isCommitDue, self.alone == nil,
            self.suspects.isEmpty, self.again.isEmpty, let first = self.waiting.first,
            let since = self.inputs[first]?.since
        else { return refusal }
        // While what is under way is waited for, nothing else goes.
        return self.renewBy ?? min(since &+ self.plan.timeout, refusal ?? .max)
    }

    // MARK: Answers

    /// An input whose outputs are all answered.
    package struct Finished {
        package let load: Load
        package let outputs: Int
        /// Whether no queue took one of them; otherwise the broker has accepted every one.
        package let isReturned: Bool
    }

    /// One output was answered; gives its input once nothing of it is left to be done.
    ///
    /// What was refused goes again. `unknown` is no answer: ``channelEnded(isRefusal:now:)`` follows.
    package mutating func answered(_ token: UInt64, _ verdict: ConfirmVerdict, now: UInt64) -> Finished? {
        let number = Self.number(token)
        guard verdict != .unknown, var input = self.inputs[number] else { return nil }
        input.pass.wasAnswered(Self.place(token), verdict)
        if verdict == .refused { self.refusals += 1 }
        guard input.pass.isAnswered else {
            self.inputs[number] = input
            return nil
        }
        self.isNotUnderWay()
        if self.alone == number { self.alone = nil }
        if input.pass.hasRefused, !input.pass.isReturned {
            input.pass.beginAgainWithRefused()
            self.refuse(number, input, now)
            return nil
        }
        self.inputs[number] = nil
        if !input.pass.isReturned {
            if input.goesAlone { self.channelsLost.retries = 0 } else { self.channelsLost.first = 0 }
            if input.wasRefused { self.pause.accepted() }
            self.patience.worked()
        }
        self.left(input)
        return Finished(load: input.load, outputs: input.outputs, isReturned: input.pass.isReturned)
    }

    private mutating func refuse(_ number: UInt64, _ input: Input, _ now: UInt64) {
        var input = input
        self.pause.refused(again: input.wasRefused, now: now)
        if !input.wasRefused { self.refusedCount += 1 }
        input.wasRefused = true
        self.inputs[number] = input
        self.refused.append(number)
    }

    private mutating func release() {
        self.pause.released()
        self.channelsLost = (0, 0)
        self.renewBy = nil
        // A queue that stays full must not keep others from going, nor they it.
        self.waitingFirst = self.waiting.count
        for number in self.refused.removeAll() {
            if self.inputs[number]?.goesAlone == true {
                self.retries.append(number)
            } else {
                self.again.append(number)
            }
        }
    }

    /// How many outputs were refused since the last look.
    package mutating func takeRefusals() -> Int {
        defer { self.refusals = 0 }
        return self.refusals
    }

    package var hasRefusals: Bool { self.refusals > 0 }
    /// Whether any wait for the pause.
    package var hasRefused: Bool { !self.refused.isEmpty }

    /// Takes out those that wait because they were refused: nobody waits for the broker any more.
    package mutating func takeRefused() -> [Load] {
        self.channelsLost = (0, 0)
        return self.refused.removeAll().compactMap { number in
            guard let input = self.inputs.removeValue(forKey: number) else { return nil }
            self.left(input)
            return input.load
        }
    }

    // MARK: Channels

    package enum RenewalAction: Equatable, Sendable {
        case none
        /// Not yet: answers may still come on the old one.
        case wait
        /// A new channel takes over; ``renewed(_:)`` says how it went.
        case renew
    }

    /// A transaction that is refused ends its channel anyhow.
    private var wantsNewChannel: Bool { !self.plan.isTransactional && self.pause.suspectsChannel }

    /// When what is under way may have waited too long for its answer; nil if nothing is.
    package var answerDeadline: UInt64? { self.underWay > 0 ? self.renewBy ?? self.patience.deadline : nil }

    /// No other channel is opened any more for want of answers.
    package mutating func endRenewal() { self.renewBy = nil }

    /// Whether the broker owes an answer for too long.
    private mutating func isSilent(_ now: UInt64) -> Bool {
        guard self.underWay > 0 else { return false }
        let inputs = self.inputs
        return self.patience.isOver(now: now) {
            inputs.values.lazy.filter(\.pass.hasUnanswered).map(\.sentAt).min()
        }
    }

    /// Whether what was refused, or has waited too long for its answer, is to go on another channel, now.
    package mutating func renewal(now: UInt64) -> RenewalAction {
        let isSilent = self.isSilent(now)
        guard isSilent || (self.pause.isOver(now: now) && self.wantsNewChannel) else {
            self.renewBy = nil
            return .none
        }
        self.wasSilent = isSilent
        guard self.underWay > 0 else { return .renew }
        let deadline = self.renewBy ?? now &+ Self.renewalPatience
        self.renewBy = deadline
        guard now >= deadline else { return .wait }
        if isSilent { self.patience.beganAgain(now: now) }
        return .renew
    }

    /// What was refused goes again: on a new channel, or on the old one because there was no other, or no need.
    ///
    /// What was under way on the old one goes with it, and nobody is at fault.
    package mutating func renewed(_ isNew: Bool) {
        if isNew {
            self.leftOfGroup = 0
            for number in self.strandedNumbers {
                guard var input = self.inputs[number] else { continue }
                if !input.pass.isSent { self.leaveLine(number) }
                input.pass.beginAgain()
                self.inputs[number] = input
                guard number != self.alone else { continue }
                // A transaction has all of an input, or nothing.
                if self.plan.isTransactional { self.suspects.append(number) } else { self.again.append(number) }
            }
            if let alone = self.alone, self.inputs[alone] != nil { self.suspects.append(alone) }
            self.alone = nil
            self.underWay = 0
            self.isCommitDue = false
            self.hasStrays = false
        }
        self.release()
    }

    private var strandedNumbers: [UInt64] { self.inputs.filter { $0.value.pass.sent > 0 }.keys.sorted() }

    /// The channel for outputs ended: all that was under way goes again, each input alone.
    ///
    /// - Parameters:
    ///   - isRefusal: Whether a condition of the broker ended it: then nobody is at fault, and the one that was alone
    ///     waits as others do that were refused.
    ///   - now: The time.
    /// - Returns: The inputs at fault, which do not go again: the one that was alone, and those that came back.
    package mutating func channelEnded(isRefusal: Bool, now: UInt64) -> [Load] {
        let stranded = self.strandedNumbers
        let unanswered = stranded.count { self.inputs[$0]?.pass.hasUnanswered ?? false }
        let isCertain = unanswered == 1 && !self.hasStrays
        var atFault: [Load] = []
        if let alone = self.alone, self.inputs[alone]?.pass.sent == 0 { self.suspects.append(alone) }
        self.leftOfGroup = 0
        if isRefusal { self.refusals += 1 }
        for number in stranded {
            guard var input = self.inputs[number] else { continue }
            if !input.pass.isSent { self.leaveLine(number) }
            let endedIt = isCertain && input.pass.hasUnanswered
            if input.pass.isReturned || (endedIt && !isRefusal) {
                self.inputs[number] = nil
                atFault.append(input.load)
                self.left(input)
                continue
            }
            input.pass.beginAgain()
            if endedIt {
                if input.goesAlone { self.channelsLost.retries += 1 } else { self.channelsLost.first += 1 }
                input.goesAlone = true
                self.refuse(number, input, now)
            } else {
                self.inputs[number] = input
                self.suspects.append(number)
            }
        }
        self.alone = nil
        self.underWay = 0
        self.isCommitDue = false
        self.hasStrays = false
        return atFault
    }

    /// Everything that was not finished, oldest first.
    package mutating func removeAll() -> [Load] {
        let loads = self.inputs.sorted { $0.key < $1.key }.map(\.value.load)
        let (next, hasStrays) = (self.nextNumber, self.hasStrays || self.underWay > 0)
        self = OutputQueue(self.plan)
        self.nextNumber = next  // late answers must not meet new inputs
        self.hasStrays = hasStrays
        return loads
    }
}

extension PublishPolicy {
    /// How the outputs of a job with this policy go.
    func plan<Load>(patience: UInt64) -> OutputQueue<Load>.Plan {
        let batch = self.batch ?? PublishBatch(size: self.mode == .tx ? 100 : 1)
        return OutputQueue<Load>.Plan(
            isTransactional: self.mode == .tx,
            size: batch.size,
            timeout: batch.timeout.nanoseconds,
            patience: patience
        )
    }
}
