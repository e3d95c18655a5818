import AMQPClient
import AMQPWire

/// Where copies go: makes sure that it is there before the first one is sent.
protocol CopyPlaces {
    associatedtype Line: PublishLine

    /// - Parameters:
    ///   - target: What the copy is for.
    ///   - original: What is copied.
    ///   - open: Opens a channel for one question: on that for copies a "no" would put every other copy in doubt.
    /// - Returns: Where it goes.
    /// - Throws: Why it can not be had.
    func place(
        for target: CopyOrder.Target,
        of original: Original,
        _ open: () throws(AMQPError) -> Line
    ) throws(AMQPError) -> CopyPlace
    /// It is gone, or not what was thought.
    func forget(_ address: CopyAddress)
}

/// Copies of messages on their way to where they wait or rest: the original is acked when the broker has confirmed its copy.
///
/// Copies travel on a confirm channel of their own: what goes wrong there costs no consumer. What became of originals is
/// told by ``nextOutcome()``. Times are nanoseconds of the monotonic clock.
///
/// Why: record 4, copies not rejects.
struct Parking<Places: CopyPlaces> {
    typealias Line = Places.Line

    enum Outcome {
        /// The broker has its copy.
        case placed(UInt64, Settlement)
        /// Nothing is wrong with the messages, but they could not be set aside.
        case notPlaced([UInt64], String)
        /// The broker takes no copy of it, whatever the target; it is of this queue.
        case uncopyable(UInt64, of: String, String)
    }
    /// Lets somebody else see what is on its way.
    typealias Watch = (_ change: (inout Placements) -> Void) -> Void

    struct Openings {
        /// The channel for copies, in confirm mode.
        let line: () throws(AMQPError) -> Line
        /// One for a question.
        let aside: () throws(AMQPError) -> Line
    }

    private let places: Places
    private let openings: Openings
    private let watch: Watch?
    private(set) var line: Line?
    private var queue: OutputQueue<ParkedCopy>
    private var pause = OpeningPause()
    private var outcomes = Outcomes<Outcome>()
    private var heldUntil: UInt64 = 0
    /// What the line's last look at the broker's blocks left.
    private var blockings = 0

    /// - Parameters:
    ///   - places: Where they go.
    ///   - openings: How channels are opened.
    ///   - patience: How long the broker's answer may take, in nanoseconds, before copies go again on another channel.
    ///   - watch: Nil if nobody looks.
    init(
        _ places: Places,
        _ openings: Openings,
        patience: UInt64 = AnswerPatience.usual,
        watch: Watch? = nil
    ) {
        self.queue = OutputQueue(OutputQueue.Plan(isTransactional: false, size: 1, timeout: 0, patience: patience))
        self.places = places
        self.openings = openings
        self.watch = watch
    }

    /// How long a copy waits for room on a connection that the broker does not read, or for its queue.
    static var patience: Duration { .seconds(5) }

    // MARK: What is in it

    var count: Int { self.queue.count }
    var isEmpty: Bool { self.queue.isEmpty }
    /// Whether answers have come that were not looked at.
    var hasAnswers: Bool { self.line?.hasVerdicts ?? false }

    /// What became of originals, in order; nil when all is told.
    mutating func nextOutcome() -> Outcome? { self.outcomes.next() }

    /// Until when no handler should begin, because its failure could not be set aside, said once; 0 if one may.
    mutating func takePause() -> UInt64 {
        defer { self.heldUntil = 0 }
        return self.heldUntil
    }

    /// The originals of everything that is not finished, oldest first; what is answered from here on concerns nobody.
    mutating func removeAll() -> [UInt64] { self.queue.removeAll().map(\.deliveryTag) }

    mutating func close() {
        self.line?.close()
        self.line = nil
    }

    /// Its connection has ended, and the channel with it.
    mutating func forgetLine() { self.line = nil }

    // MARK: Publishing

    /// Takes a copy in, and sends it if it may go.
    ///
    /// - Parameters:
    ///   - original: What is copied.
    ///   - order: What for.
    ///   - seal: What tells our copies from other messages, for the connection of the moment.
    ///   - isServed: Whether originals can still be settled.
    ///   - now: The time.
    mutating func park(_ original: Original, _ order: CopyOrder, seal: CopySeal, isServed: Bool, now: UInt64) {
        let (pause, aside) = (self.pause, self.openings.aside)
        let place: CopyPlace
        do throws(AMQPError) {
            place = try self.places.place(for: order.target, of: original) { () throws(AMQPError) in
                try Self.throwIfPausing(pause, now)
                return try aside()
            }
        } catch {
            self.notOpened(error, now)
            self.outcomes.append(.notPlaced([original.deliveryTag], "\(error)"))
            return
        }
        let copy = ParkedCopy(of: original, order, to: place, seal: seal)
        self.queue.add(copy, outputs: 1, now: now)
        self.release(isServed: isServed, now: now)
    }

    private static func throwIfPausing(_ pause: OpeningPause, _ now: UInt64) throws(AMQPError) {
        guard pause.mayOpenAt(now: now) != nil else { return }
        throw AMQPError(
            .timeout,
            scope: .call,
            text: "the channel for copies ended again and again; another one is opened in a while"
        )
    }

    private mutating func notOpened(_ error: AMQPError, _ now: UInt64) {
        if let time = self.pause.mayOpenAt(now: now) {
            self.heldUntil = max(self.heldUntil, time)
        } else if error.meansBlocked {
            self.pause.ended(now: now)  // a target that is not there holds up no other copy
        }
    }

    /// Publishes the copies that may go now.
    ///
    /// - Parameters:
    ///   - isServed: Whether originals can still be settled.
    ///   - now: The time.
    mutating func release(isServed: Bool, now: UInt64) {
        guard self.queue.hasUnsent(now: now), let line = self.openLine(isServed, now) else { return }
        while let step = self.queue.next(now: now, mayWait: false) {
            guard self.publish(step, on: line, isServed, now) else { break }
        }
        self.line?.flush()
    }

    /// - Returns: Whether there may be a next one.
    private mutating func publish(
        _ step: OutputQueue<ParkedCopy>.Step,
        on line: Line,
        _ isServed: Bool,
        _ now: UInt64
    ) -> Bool {
        do throws(AMQPError) {
            let sequence: UInt64
            do throws(AMQPError) {
                sequence = try Self.publish(step.load, step.load.properties, step.token, on: line)
            } catch  where error.code == .refusedLocally {
                sequence = try Self.publish(step.load, step.load.briefProperties, step.token, on: line)
            }
            self.queue.sent(step.token, now: now)
            let copy = step.load
            self.watch? { $0.published(.copies, sequence, for: copy.deliveryTag, copy.settlement, begins: 1) }
            return true
        } catch {
            switch (error.scope, error.code) {
            case (.call, .timeout):
                guard let copy = self.queue.remove(step.token) else { return false }
                self.outcomes.append(.notPlaced([copy.deliveryTag], "\(error)"))
                return true
            case (.call, _):
                guard let copy = self.queue.remove(step.token) else { return true }
                self.outcomes.append(.uncopyable(copy.deliveryTag, of: copy.queue, "\(error)"))
                return true
            default:
                self.takeIn(isServed: isServed, now: now)
                return false
            }
        }
    }

    private static func publish(
        _ copy: ParkedCopy,
        _ properties: BasicProperties,
        _ token: UInt64,
        on line: Line
    ) throws(AMQPError) -> UInt64 {
        try line.publish(
            copy.body,
            exchange: Array(copy.address.exchange.utf8),
            routingKey: copy.address.routingKey,
            properties: properties,
            mandatory: true,
            token: token,
            within: Self.patience
        )
    }

    private mutating func openLine(_ isServed: Bool, _ now: UInt64) -> Line? {
        if let line = self.line, line.isOpen { return line }
        self.takeIn(isServed: isServed, now: now)
        do throws(AMQPError) {
            try Self.throwIfPausing(self.pause, now)
            let line = try self.openings.line()
            self.line = line
            return line
        } catch {
            if let time = self.pause.mayOpenAt(now: now) { self.heldUntil = max(self.heldUntil, time) }
            let tags = self.removeAll()
            if !tags.isEmpty { self.outcomes.append(.notPlaced(tags, "\(error)")) }
            return nil
        }
    }

    // MARK: Answers

    /// When answers may be overdue; nil if none is waited for.
    var wake: UInt64? { self.queue.answerDeadline ?? self.queue.deadline }

    /// What has waited too long for its answer goes again, on another channel.
    ///
    /// - Parameter now: The time.
    /// - Returns: Whether they went again.
    mutating func lookAfterSilence(now: UInt64) -> Bool {
        guard let line = self.line, line.isOpen, self.queue.renewal(now: now) == .renew else { return false }
        // A broker that has read nothing could not answer.
        guard !line.wasBlocked(since: &self.blockings), let fresh = try? self.openings.line() else {
            self.queue.renewed(false)
            return false
        }
        self.queue.renewed(true)
        line.giveUp("it leaves copies without an answer")
        self.line = fresh
        self.release(isServed: true, now: now)
        return true
    }

    /// Takes in what its channel has got, if there is one.
    mutating func takeIn(isServed: Bool, now: @autoclosure () -> UInt64) {
        guard let line = self.line else { return }
        line.takeIn()
        let answers = line.takeVerdicts()
        if !answers.isEmpty { self.answered(answers, now()) }
        _ = line.takeReturnedMessages()  // told by their verdicts
        if !line.isOpen { self.ended(line, isServed, now()) }
    }

    private mutating func answered(_ answers: ContiguousArray<PublishVerdict>, _ now: UInt64) {
        self.watch? { placements in
            for answer in answers { placements.answered(.copies, answer.sequence, answer.verdict) }
        }
        for answer in answers {
            guard let copy = self.queue.answered(answer.token, answer.verdict, now: now) else { continue }
            let (tag, address) = (copy.load.deliveryTag, copy.load.address)
            if copy.isReturned {
                self.places.forget(address)
                self.outcomes.append(.notPlaced([tag], "no queue took its copy, meant for \(address)"))
            } else {
                self.pause.worked()
                self.outcomes.append(.placed(tag, copy.load.settlement))
            }
        }
        let refused = Dictionary(grouping: self.queue.takeRefused()) { $0.address }
        for (address, copies) in refused {
            self.outcomes.append(.notPlaced(copies.map(\.deliveryTag), "\(address) refused its copy (basic.nack)"))
        }
    }

    private mutating func ended(_ line: Line, _ isServed: Bool, _ now: UInt64) {
        self.line = nil
        self.pause.ended(now: now)
        let reason = line.endReason
        let text = reason.map { "\($0)" } ?? "its channel ended"
        guard isServed else { return }  // the originals went with their own channel
        if case .connection = reason?.scope {
            let tags = self.removeAll()
            if !tags.isEmpty { self.outcomes.append(.notPlaced(tags, "its copy was not confirmed: \(text)")) }
            return
        }
        // The target's fault, or the broker's, and not the message's.
        let isInnocent =
            reason?.code == AMQPError.Code(.notFound) || reason?.code == AMQPError.Code(.accessRefused)
            || OutputFault.isOfBroker(reason)
        let copies = self.queue.channelEnded(isRefusal: false, now: now)
        for copy in copies { self.places.forget(copy.address) }
        if isInnocent {
            if !copies.isEmpty { self.outcomes.append(.notPlaced(copies.map(\.deliveryTag), text)) }
        } else {
            for copy in copies { self.outcomes.append(.uncopyable(copy.deliveryTag, of: copy.queue, text)) }
        }
        self.release(isServed: isServed, now: now)
    }
}
