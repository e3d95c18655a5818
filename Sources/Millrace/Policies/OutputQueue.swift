package import AMQPClient

/// Inputs whose handler has succeeded, on their way to having all their outputs accepted by the broker: which of them
/// publishes now, and which of them is at fault when the channel for outputs ends (DESIGN §6).
///
/// `Load` is what the owner keeps for an input. Times are nanoseconds of the monotonic clock.
package struct OutputQueue<Load> {
    /// How inputs share what the broker has to do for them.
    package struct Plan: Equatable, Sendable {
        /// Whether groups are committed, one after the other; otherwise each output is answered for itself.
        package var isTransactional: Bool
        /// At most so many inputs in a group.
        package var size: Int
        /// How long the first of a group waits for others, in nanoseconds; 0 only until its worker has nothing to do.
        package var timeout: UInt64

        package init(isTransactional: Bool, size: Int, timeout: UInt64) {
            self.isTransactional = isTransactional
            self.size = size
            self.timeout = timeout
        }
    }

    private struct Input {
        let load: Load
        let outputs: Int
        let since: UInt64
        var sent = 0
        var answered = 0
        var failure: ConfirmVerdict?
    }

    private let plan: Plan
    private var inputs: [UInt64: Input] = [:]
    private var waiting = Line()
    /// Were on their way when the channel ended: each goes alone now, so that the guilty one is found.
    private var suspects = Line()
    private var alone: UInt64?
    private var nextToken: UInt64 = 1
    /// Inputs that are sent wholly or in part, and not finished.
    private var underWay = 0
    /// Of the group that goes out at this time.
    private var leftOfGroup = 0
    private var isCommitDue = false
    /// Outputs of inputs that have left may still be unanswered: the end of the channel may be their fault.
    private var hasStrays = false

    package init(_ plan: Plan) { self.plan = plan }

    package var count: Int { self.inputs.count }
    package var isEmpty: Bool { self.inputs.isEmpty }
    /// Whether a whole group waits.
    package var isFull: Bool { self.waiting.count >= self.plan.size }
    /// Whether anything could be sent now or later without an answer first.
    package var hasUnsent: Bool {
        self.waiting.count + self.suspects.count > 0 || self.alone.map { !self.isSent($0) } ?? false
    }

    /// Takes an input in that has at least one output; gives the token for them.
    @discardableResult
    package mutating func add(_ load: Load, outputs: Int, now: UInt64) -> UInt64 {
        defer { self.nextToken += 1 }
        self.inputs[self.nextToken] = Input(load: load, outputs: outputs, since: now)
        self.waiting.append(self.nextToken)
        return self.nextToken
    }

    // MARK: Sending

    /// One output that is to be published now.
    package struct Step {
        package let token: UInt64
        package let load: Load
        package let index: Int
    }

    /// The next output, or nil if none may go now; the same one until ``sent(_:)`` or ``remove(_:)``.
    ///
    /// `mayWait`: whether others may still come to join a group.
    package mutating func next(now: UInt64, mayWait: Bool) -> Step? {
        guard let token = self.nextToken(now: now, mayWait: mayWait), let input = self.inputs[token] else { return nil }
        return Step(token: token, load: input.load, index: input.sent)
    }

    private mutating func nextToken(now: UInt64, mayWait: Bool) -> UInt64? {
        if let alone = self.alone { return self.isSent(alone) ? nil : alone }
        if self.leftOfGroup == 0 {
            guard !self.isCommitDue else { return nil }
            if let suspect = self.suspects.first {
                guard self.underWay == 0 else { return nil }
                self.suspects.removeFirst()
                self.alone = suspect
                return suspect
            }
            guard let first = self.waiting.first, let since = self.inputs[first]?.since else { return nil }
            guard self.isFull || !mayWait || self.plan.timeout == 0 || now >= since &+ self.plan.timeout else {
                return nil
            }
            self.leftOfGroup = min(self.plan.size, self.waiting.count)
        }
        return self.waiting.first
    }

    private func isSent(_ token: UInt64) -> Bool { self.inputs[token].map { $0.sent == $0.outputs } ?? true }

    /// The output of the last step was published.
    ///
    /// - Returns: Whether it was the last one of its input.
    @discardableResult
    package mutating func sent(_ token: UInt64) -> Bool {
        guard var input = self.inputs[token] else { return false }
        input.sent += 1
        if input.sent == 1 { self.underWay += 1 }
        self.inputs[token] = input
        if self.plan.isTransactional { self.isCommitDue = true }
        guard input.sent == input.outputs else { return false }
        self.leaveLine(token)
        return true
    }

    /// Takes out an input whose outputs do not matter any more: it can not be published, or needs no answer.
    package mutating func remove(_ token: UInt64) -> Load? {
        guard let input = self.inputs.removeValue(forKey: token) else { return nil }
        if input.sent > 0 {
            self.underWay -= 1
            self.hasStrays = true
        }
        if input.sent < input.outputs { self.leaveLine(token) }
        if self.alone == token { self.alone = nil }
        return input.load
    }

    private mutating func leaveLine(_ token: UInt64) {
        guard self.waiting.first == token else { return }
        self.waiting.removeFirst()
        if self.leftOfGroup > 0 { self.leftOfGroup -= 1 }
    }

    /// Whether what was sent waits for a commit, and nothing more of its group can be sent at this time.
    package var mustCommit: Bool { self.isCommitDue }

    /// Outputs that are committed have all been answered.
    package mutating func committed() { self.isCommitDue = false }

    /// When the first of a group has waited long enough; nil if nothing is due by the clock alone.
    package var deadline: UInt64? {
        guard self.plan.timeout > 0, self.leftOfGroup == 0, !self.isCommitDue, self.alone == nil,
            self.suspects.first == nil, let first = self.waiting.first, let since = self.inputs[first]?.since
        else { return nil }
        return since &+ self.plan.timeout
    }

    // MARK: Answers

    /// An input whose outputs are all answered.
    package struct Finished {
        package let load: Load
        package let outputs: Int
        /// Nil if the broker has accepted every one.
        package let failure: ConfirmVerdict?
    }

    /// One output was answered; gives its input once it was the last.
    ///
    /// `unknown` is no answer: ``channelEnded()`` follows.
    package mutating func answered(_ token: UInt64, _ verdict: ConfirmVerdict) -> Finished? {
        guard verdict != .unknown, var input = self.inputs[token] else { return nil }
        input.answered += 1
        if verdict != .confirmed { input.failure = verdict }
        self.inputs[token] = input
        guard input.answered == input.outputs else { return nil }
        self.inputs[token] = nil
        self.underWay -= 1
        if self.alone == token { self.alone = nil }
        return Finished(load: input.load, outputs: input.outputs, failure: input.failure)
    }

    /// The channel for outputs ended: all that was under way goes again, each input alone.
    ///
    /// - Returns: The inputs at fault, which do not go again: the one that was alone, and those with a bad answer.
    package mutating func channelEnded() -> [Load] {
        let stranded = self.inputs.filter { $0.value.sent > 0 }.keys.sorted()
        var atFault: [Load] = []
        let isCertain = stranded.count == 1 && !self.hasStrays
        if let alone = self.alone, self.inputs[alone]?.sent == 0 { self.suspects.append(alone) }
        self.leftOfGroup = 0
        for token in stranded {
            guard var input = self.inputs[token] else { continue }
            if input.sent < input.outputs { self.leaveLine(token) }
            if input.failure != nil || isCertain {
                self.inputs[token] = nil
                atFault.append(input.load)
            } else {
                input.sent = 0
                input.answered = 0
                self.inputs[token] = input
                self.suspects.append(token)
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
        let (next, hasStrays) = (self.nextToken, self.hasStrays || self.underWay > 0)
        self = OutputQueue(self.plan)
        self.nextToken = next  // late answers must not meet new inputs
        self.hasStrays = hasStrays
        return loads
    }
}

extension OutputQueue {
    /// Tokens in order; taken from the front.
    private struct Line {
        private var tokens: ContiguousArray<UInt64> = []
        private var head = 0

        var count: Int { self.tokens.count - self.head }
        var first: UInt64? { self.head < self.tokens.count ? self.tokens[self.head] : nil }

        mutating func append(_ token: UInt64) { self.tokens.append(token) }

        mutating func removeFirst() {
            self.head += 1
            if self.head == self.tokens.count {
                self.tokens.removeAll(keepingCapacity: true)
                self.head = 0
            } else if self.head >= 1024, self.head * 2 > self.tokens.count {
                self.tokens.removeFirst(self.head)
                self.head = 0
            }
        }
    }
}
