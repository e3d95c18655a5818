import AMQPClient
import AMQPWire
import Logging

/// Asks a broker what a ``DeclarationRun`` says: at the start, after a lost connection, for a worker that misses its
/// exchanges, and for `millrace declare`.
///
/// Each question that has no answer has a channel to itself; what the broker refuses ends that one alone.
struct Declarer {
    private let connection: Connection
    private let logger: Logger
    private let isAbandoned: () -> Bool
    private var run: DeclarationRun
    private let bell = Mailbox()
    private var inbox = Inbox()
    /// Nothing is under way on it.
    private var free: Channel?
    private var flights: [(item: TopologyItem, declaration: Declaration, channel: Channel)] = []
    private var probe: (declaration: Declaration, channel: Channel)?
    private var hasHandedOver = false
    /// What was said to be missing, and is said again when it is there.
    private var missed: Set<TopologyItem> = []

    /// How often it looks whether anybody still wants what it does: nanoseconds.
    private static let look: UInt64 = 250_000_000

    /// - Parameters:
    ///   - run: What, and how fast.
    ///   - connection: Where to.
    ///   - logger: Gets what is worth a line.
    ///   - isAbandoned: Whether nobody wants it any more.
    init(
        _ run: DeclarationRun,
        on connection: Connection,
        logger: Logger,
        unless isAbandoned: @escaping () -> Bool = { false }
    ) {
        self.run = run
        self.connection = connection
        self.logger = logger
        self.isAbandoned = isAbandoned
    }

    var plan: DeclarationPlan { self.run.plan }

    /// What can have ended the connection.
    func suspects(of error: AMQPError) -> [TopologyItem] { self.run.suspects(of: error) }

    /// Goes on until nothing is left to do.
    ///
    /// - Parameter changed: Told when jobs may start, and after each answer from then on.
    /// - Throws: Why the connection ended, or that the broker answers nothing.
    mutating func work(_ changed: (DeclarationPlan) -> Void = { _ in }) throws(AMQPError) {
        while true {
            if self.isAbandoned() { throw .ended(.connection, "nobody waits for its declarations any more") }
            try self.takeAnswers(changed)
            let now = MonotonicClock.now()
            switch self.run.next(now: now, random: ProcessRandom.share()) {
            case .ask(let item, let declaration): try self.ask(item, declaration)
            case .slow(let item): self.miss(item, "there is no answer yet")
            case .giveUp(let item):
                self.landed(item)  // its channel is let go, and so closed
                self.tell(changed)
            case .probe: try self.askForLife()
            case .handOver:
                self.hasHandedOver = true
                self.missed = Set(self.run.plan.failures.filter { !$0.isFinal }.map(\.item))
                self.tell(changed)
            case .wait(let time):
                // Later the end of the connection says it.
                let wake = self.hasHandedOver ? time : min(time, now &+ Self.look)
                _ = self.bell.take(into: &self.inbox, until: wake)
                self.inbox.signals = 0
            case .silent: throw Self.silence
            case .done:
                self.free?.close()
                return
            }
        }
    }

    private static let silence = AMQPError(
        .timeout,
        scope: .connection,
        text: "the broker takes connections and answers no declaration",
        advice: "Its node may be cut off from the others of its cluster, or out of disk: see its log."
    )

    private func tell(_ changed: (DeclarationPlan) -> Void) {
        if self.hasHandedOver { changed(self.run.plan) }
    }

    // MARK: Questions

    private mutating func ask(_ item: TopologyItem, _ declaration: Declaration) throws(AMQPError) {
        do throws(AMQPError) {
            let channel = try self.takeChannel()
            self.flights.append((item, declaration, channel))
            try channel.startDeclaring(declaration)
        } catch {
            // Refused before it was sent, or there is no channel: it says so. Any other end is found with the answers.
            guard error.scope == .call || error.code == .channelsExhausted else {
                return try self.throwIfConnection(error)
            }
            if let place = self.flights.firstIndex(where: { $0.item == item }) {
                self.free = self.flights.remove(at: place).channel
            }
            self.note(item, self.run.answered(item, error))
        }
    }

    private func throwIfConnection(_ error: AMQPError) throws(AMQPError) {
        if error.scope == .connection || self.flights.isEmpty { throw error }
    }

    private mutating func askForLife() throws(AMQPError) {
        let declaration = Declaration.queue(
            QueueDeclare(queue: "", exclusive: true, autoDelete: true, arguments: ["x-expires": .int64(1_000)])
        )
        let channel = try self.openChannel()
        self.probe = (declaration, channel)
        try channel.startDeclaring(declaration)
    }

    private mutating func takeChannel() throws(AMQPError) -> Channel {
        if let free = self.free, free.isOpen {
            self.free = nil
            return free
        }
        return try self.openChannel()
    }

    private func openChannel() throws(AMQPError) -> Channel {
        try self.connection.openChannel(mailbox: Mailbox(waking: self.bell, with: 1), reads: false)
    }

    // MARK: Answers

    private mutating func takeAnswers(_ changed: (DeclarationPlan) -> Void) throws(AMQPError) {
        for (item, declaration, channel) in self.flights {
            do throws(AMQPError) {
                guard try channel.finishDeclaring(declaration) else { continue }
                self.landed(item)
                self.note(item, self.run.answered(item, nil))
                if self.free == nil { self.free = channel } else { _ = channel.startClose() }
            } catch {
                if error.scope == .connection { throw error }
                self.landed(item)
                self.note(item, self.run.answered(item, error))
            }
            self.tell(changed)
        }
        try self.takeAnswerForLife()
        // Else nobody would see that the connection has ended.
        self.free?.pump(until: 0)
        if let reason = self.free?.endReason {
            self.free = nil
            if reason.scope == .connection { throw reason }
        }
    }

    private mutating func landed(_ item: TopologyItem) { self.flights.removeAll { $0.item == item } }

    private mutating func takeAnswerForLife() throws(AMQPError) {
        guard let (declaration, channel) = self.probe else { return }
        do throws(AMQPError) {
            guard try channel.finishDeclaring(declaration) else { return }
        } catch {
            if error.scope == .connection { throw error }  // a refusal is an answer too
        }
        self.probe = nil
        self.run.probeAnswered()
    }

    private mutating func note(_ item: TopologyItem, _ standing: DeclarationPlan.Standing?) {
        switch standing {
        case nil: break
        case .later(let error)?: self.miss(item, "\(error)")
        case .there?:
            guard self.missed.remove(item) != nil else { break }
            self.logger.info("declared after all", metadata: ["name": "\(item)"])
        case .kept(let difference)?:
            self.logger.warning(Self.kept, metadata: ["name": "\(item)", "difference": "\(difference)"])
        case .refused(let error)?:
            guard self.hasHandedOver else { break }
            self.logger.error("can not be declared", metadata: ["name": "\(item)", "reason": "\(error)"])
        }
    }

    /// Before jobs start whoever starts them says it.
    private mutating func miss(_ item: TopologyItem, _ reason: String) {
        guard self.hasHandedOver, self.missed.insert(item).inserted else { return }
        self.logger.warning(Self.missing, metadata: ["name": "\(item)", "reason": "\(reason)"])
    }

    /// What is said of a queue that is not as it should be.
    static let kept: Logger.Message = "a queue is not as the job file says; it is used as it is"
    /// What is said of each that is missing.
    static let missing: Logger.Message = "can not be declared yet; it is tried again and again, and the others run"
}
