import AMQPClient
import AMQPWire
import Logging

/// Whose outputs they are.
protocol OutletInput {
    /// Its delivery tag; nil if it is no delivery.
    var tag: UInt64? { get }
}

/// Outputs on their way to the broker: published on a channel of their own, and answered before their input is done.
///
/// What goes wrong with them costs the consumer's channel nothing: when this one ends, what was under way goes again, each
/// input alone, and the one that ends it again has failed. What became of inputs is told by ``nextOutcome()``. Times are
/// nanoseconds of the monotonic clock.
///
/// Why: record 5, outputs on a channel of their own.
struct Outlet<Line: PublishLine, Input: OutletInput> {
    enum Outcome {
        /// The broker has all of its outputs.
        case accepted(Input, outputs: Int)
        /// One of its outputs can not be delivered: that is a failure of the input.
        case failed(Input, String)
        /// There is no way to publish at this time: no input is at fault.
        case notSent([Input], String, slowsDown: Bool)
    }
    /// Lets somebody else see what is on its way.
    typealias Watch = (_ change: (inout Placements) -> Void) -> Void

    struct Load {
        let input: Input
        let outputs: [Publication]
    }

    private let policy: PublishPolicy
    private let logger: Logger
    private let watch: Watch?
    private let open: () throws(AMQPError) -> Line
    /// Opened with the first output.
    private(set) var line: Line?
    private var queue: OutputQueue<Load>
    private var pause = OpeningPause()
    private var refusals = RefusalReport()
    private var outcomes = Outcomes<Outcome>()
    private var isEnding = false
    /// What the line's last look at the broker's blocks left.
    private var blockings = 0

    /// - Parameters:
    ///   - policy: How outputs are published.
    ///   - patience: How long the broker's answer may take, in nanoseconds, before they go again on another channel.
    ///   - logger: Where refusals, and channels that end, are told of.
    ///   - watch: Nil if nobody looks.
    ///   - open: Opens a channel in the policy's mode, without waiting for a broker that blocks publishers.
    init(
        _ policy: PublishPolicy,
        patience: UInt64 = AnswerPatience.usual,
        logger: Logger,
        watch: Watch? = nil,
        open: @escaping () throws(AMQPError) -> Line
    ) {
        self.policy = policy
        self.logger = logger
        self.watch = watch
        self.open = open
        self.queue = OutputQueue(policy.plan(patience: patience))
    }

    // MARK: What is in it

    /// Inputs that are here.
    var count: Int { self.queue.count }
    var isEmpty: Bool { self.queue.isEmpty }
    /// Whether a whole group waits.
    var isFull: Bool { self.queue.isFull }
    /// Inputs that the broker has refused and that go again.
    var refusedCount: Int { self.queue.refusedCount }
    /// Whether answers have come that were not looked at.
    var hasAnswers: Bool { self.line?.hasVerdicts ?? false }

    /// Whether anything is on its way, or to be said.
    var isInUse: Bool { self.line != nil || !self.queue.isEmpty || self.hasRefusals }

    /// What became of inputs, in order; nil when all is told.
    mutating func nextOutcome() -> Outcome? { self.outcomes.next() }

    // MARK: What comes in

    /// - Parameters:
    ///   - outputs: At least one.
    ///   - input: Whose they are.
    ///   - now: The time.
    mutating func add(_ outputs: [Publication], of input: Input, now: UInt64) {
        self.queue.add(Load(input: input, outputs: outputs), outputs: outputs.count, now: now)
    }

    /// From now on nobody waits for room: what is refused goes back.
    mutating func end() {
        self.isEnding = true
        self.queue.endRenewal()
    }

    /// Everything that is not finished, oldest first; what is answered from here on concerns nobody.
    mutating func removeAll() -> [(input: Input, outputs: Int)] {
        self.queue.removeAll().map { ($0.input, $0.outputs.count) }
    }

    mutating func close() {
        self.line?.close()
        self.line = nil
    }

    /// Its connection has ended, and the channel with it.
    mutating func forgetLine() { self.line = nil }

    // MARK: Publishing

    /// Publishes what may go now, up to what the broker has room for; in `tx` mode commits it.
    ///
    /// - Parameters:
    ///   - mayWait: Whether others may still come to join a group.
    ///   - isServed: Whether inputs can still be settled.
    ///   - now: The time.
    mutating func release(mayWait: Bool, isServed: Bool, now: UInt64) {
        guard self.renew(now), self.queue.hasUnsent(now: now) || self.queue.mustCommit,
            let line = self.openLine(isServed, now)
        else { return }
        // Inputs of a channel that ended may have left a commit on its way.
        guard !line.isCommitting else { return }
        while let step = self.queue.next(now: now, mayWait: mayWait) {
            guard self.publish(step, on: line, isServed, now) else { return }
        }
        guard self.queue.mustCommit else { return }
        do throws(AMQPError) {
            try line.startCommit()
            let last = line.commitEnd
            self.watch? { $0.committing(upTo: last) }
        } catch {
            self.takeIn(isServed: isServed, now: now)
        }
    }

    /// - Returns: Whether there may be a next one: false while there is no room, or no channel.
    private mutating func publish(_ step: OutputQueue<Load>.Step, on line: Line, _ isServed: Bool, _ now: UInt64)
        -> Bool
    {
        let output = step.load.outputs[step.index]
        let sequence: UInt64
        do throws(AMQPError) {
            sequence = try line.publish(
                output.body,
                exchange: output.exchange,
                routingKey: output.routingKey,
                properties: output.properties,
                mandatory: self.policy.mode != .none && self.policy.mandatory,
                token: step.token,
                within: .zero
            )
        } catch {
            switch (error.scope, error.code) {
            case (.call, .timeout): return false  // `writable` comes when there is room
            case (.call, _):
                if let load = self.queue.remove(step.token) { self.outcomes.append(.failed(load.input, "\(error)")) }
                return true
            default:
                self.takeIn(isServed: isServed, now: now)
                return false
            }
        }
        if sequence > 0, let tag = step.load.input.tag {
            self.watch? { $0.published(.outputs, sequence, for: tag, .ack, begins: step.begins) }
        }
        if self.queue.sent(step.token, now: now), self.policy.mode == .none, let load = self.queue.remove(step.token) {
            self.accepted(load)
        }
        return true
    }

    private mutating func accepted(_ load: Load) {
        self.pause.worked()
        self.outcomes.append(.accepted(load.input, outputs: load.outputs.count))
    }

    /// Sends what is written.
    func flush() { self.line?.flush() }

    // MARK: Its channel

    /// Opens the channel before there is anything for it: while the broker blocks publishers it could not be opened.
    mutating func openEarly() {
        if self.line?.isOpen == true { return }
        do throws(AMQPError) {
            self.line = try self.open()
        } catch {
            self.logger.debug("no channel for outputs yet", metadata: ["reason": "\(error)"])
        }
    }

    private mutating func openLine(_ isServed: Bool, _ now: UInt64) -> Line? {
        if let line = self.line, line.isOpen { return line }
        self.takeIn(isServed: isServed, now: now)
        if self.pause.mayOpenAt(now: now) != nil { return nil }
        do throws(AMQPError) {
            let line = try self.open()
            self.line = line
            return line
        } catch {
            if isServed { self.giveBackAll("\(error)") }
            return nil
        }
    }

    /// Another channel, if the old one goes on refusing, or has left something without an answer for long.
    ///
    /// - Returns: Whether something may be published: not while what is on its way on the old one is waited for.
    private mutating func renew(_ now: UInt64) -> Bool {
        if self.isEnding, !self.queue.hasRefused { return true }  // an end opens no channel for answers
        switch self.queue.renewal(now: now) {
        case .none: return true
        case .wait: return false
        case .renew: break
        }
        let wasSilent = self.queue.wasSilent
        // A broker that has read nothing could not answer.
        if wasSilent, self.line?.wasBlocked(since: &self.blockings) == true {
            self.queue.renewed(false)
            return true
        }
        do throws(AMQPError) {
            let line = try self.open()
            if wasSilent {
                self.logger.warning(
                    "the broker leaves outputs without an answer; they go again on another channel",
                    metadata: ["inputs": .number(self.queue.count)]
                )
            }
            self.queue.renewed(true)
            self.line?.giveUp(wasSilent ? "it leaves outputs without an answer" : "it goes on refusing outputs")
            self.line = line
        } catch {
            self.logger.debug("no other channel for outputs", metadata: ["reason": "\(error)"])
            self.queue.renewed(false)
        }
        return true
    }

    private mutating func giveBackAll(_ reason: String) {
        let inputs = self.queue.removeAll().map(\.input)
        // Slows down, so that a connection that is not there is no hot loop.
        if !inputs.isEmpty { self.outcomes.append(.notSent(inputs, reason, slowsDown: true)) }
    }

    // MARK: Answers

    /// Takes in what its channel has got, if there is one.
    mutating func takeIn(isServed: Bool, now: @autoclosure () -> UInt64) {
        guard let line = self.line else { return }
        line.takeIn()
        if line.finishCommit() { self.queue.committed() }
        let answers = line.takeVerdicts()
        if !answers.isEmpty { self.answered(answers, now()) }
        for message in line.takeReturnedMessages() {
            self.logger.error(
                "an output came back: no queue took it",
                metadata: [
                    "exchange": "\(message.exchange)", "routing_key": "\(message.routingKey)",
                    "reason": "\(message.code) \(message.text)",
                ]
            )
        }
        if line.isOpen { line.flush() } else { self.ended(line, isServed, now()) }
    }

    private mutating func answered(_ answers: ContiguousArray<PublishVerdict>, _ now: UInt64) {
        self.watch? { placements in
            for answer in answers { placements.answered(.outputs, answer.sequence, answer.verdict) }
        }
        for answer in answers {
            guard let done = self.queue.answered(answer.token, answer.verdict, now: now) else { continue }
            if done.isReturned {
                self.outcomes.append(.failed(done.load.input, "no queue took an output (312 NO_ROUTE)"))
            } else {
                self.accepted(done.load)
            }
        }
    }

    private mutating func ended(_ line: Line, _ isServed: Bool, _ now: UInt64) {
        self.line = nil
        let reason = line.endReason
        guard isServed else { return }  // the inputs went with their own channel
        let text = reason.map { "\($0)" } ?? "the channel for outputs ended"
        if case .connection = reason?.scope { return self.giveBackAll(text) }
        self.pause.ended(now: now)
        let isRefusal = OutputFault.isOfBroker(reason)
        let atFault = self.queue.channelEnded(isRefusal: isRefusal, now: now)
        // What is refused is told of now and then, not for each channel.
        self.logger.log(
            level: isRefusal ? .debug : .warning,
            "the channel for outputs ended; another one is opened",
            metadata: ["reason": "\(text)", "inputs": .number(self.queue.count + atFault.count)]
        )
        for load in atFault { self.outcomes.append(.failed(load.input, text)) }
    }

    // MARK: The clock

    /// When there is something to do though nothing comes.
    func wake(now: UInt64) -> UInt64? {
        var wake: UInt64?
        func note(_ time: UInt64?) { if let time { wake = min(wake ?? .max, time) } }
        if self.line?.isCommitting != true { note(self.queue.deadline) }
        // A pause that was not over when it was last looked at may be by now: then at once, for nothing else would come.
        if self.line == nil, self.queue.hasUnsent(now: now) { note(self.pause.mayOpenAt(now: now) ?? now) }
        if !self.isEnding { note(self.queue.answerDeadline) }
        // An end waits for no room.
        note(self.isEnding && self.queue.hasRefused ? now : self.refusals.deadline(isWaiting: self.refusedCount > 0))
        return wake
    }

    /// Whether ``lookAfterRefusals(now:)`` has anything to do.
    var hasRefusals: Bool { self.queue.refusedCount > 0 || self.queue.hasRefusals || !self.refusals.isQuiet }

    /// Looks after what the broker refuses for now: an election, a full disk, a full queue.
    ///
    /// No message is guilty of that, so they go again after a pause, and their inputs stay in hand meanwhile.
    mutating func lookAfterRefusals(now: UInt64) {
        self.say(self.refusals.refused(self.queue.takeRefusals(), now: now))
        if self.isEnding {
            let inputs = self.queue.takeRefused().map(\.input)
            let reason = "the broker refuses their outputs, and the worker is told to stop"
            if !inputs.isEmpty { self.outcomes.append(.notSent(inputs, reason, slowsDown: false)) }
        }
        self.say(self.refusals.look(isWaiting: self.refusedCount > 0, now: now))
    }

    private func say(_ line: RefusalReport.Line?) {
        switch line {
        case nil: break
        case .began:
            self.logger.warning(
                "the broker refuses outputs; they are published again until it takes them, and their inputs wait"
            )
        case .goesOn(let refusals, let time):
            self.logger.warning("the broker still refuses outputs", metadata: self.numbers(refusals, time))
        case .over(let refusals, let time):
            self.logger.notice("no output is refused any more", metadata: self.numbers(refusals, time))
        }
    }

    private func numbers(_ refusals: Int, _ time: UInt64) -> Logger.Metadata {
        [
            "refusals": .number(refusals), "for_ms": .number(time / 1_000_000),
            "inputs_waiting": .number(self.refusedCount),
        ]
    }
}
