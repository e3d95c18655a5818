import AMQPClient
import AMQPWire
import Logging
import Synchronization

/// What the job file says about exchanges and queues, and how it is made true on a broker.
final class Topology: Sendable {
    /// Delay queues, which are declared by whoever brings back what waits in them.
    let delayQueues = ParkingQueues()
    private let awaitsOthers: Bool
    /// Whether handlers use other names than the broker: then the state has both.
    private let renamesOutputs: Atomic<Bool>

    private struct State {
        /// What it says.
        var file: JobFile
        var queues: [String: QueueDefinition]
        var outputNames: OutputNames?
        /// Who says how things stand.
        var connection: ObjectIdentifier?
        /// Queues that are there, not as the file says, and used as they are.
        var kept: Set<String> = []
        /// Of the queues of jobs, on the connection of the moment.
        var standings: [String: QueueStanding] = [:]
        /// What the broker of the moment does not give us, and may end the connection over.
        var refused: Set<TopologyItem> = []
        /// Of the queues among them, with their bindings: why.
        var refusals: [String: AMQPError] = [:]
        /// Queues that could not be bound: an exchange is missing.
        var bereft: Set<String> = []
    }
    private let state: Monitor<State>

    /// - Parameters:
    ///   - file: What it says.
    ///   - awaitsOthers: Whether what somebody else may make is awaited; not where a run is to end by itself.
    init(_ file: JobFile, awaitsOthers: Bool = true) {
        self.awaitsOthers = awaitsOthers
        let names = OutputNames(file.names)
        self.renamesOutputs = Atomic(names != nil)
        self.state = Monitor(State(file: file, queues: Self.named(file), outputNames: names))
    }

    private static func named(_ file: JobFile) -> [String: QueueDefinition] {
        Dictionary(file.queues.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    var file: JobFile { self.state.withLock { $0.file } }
    var queues: [String: QueueDefinition] { self.state.withLock { $0.queues } }

    /// Another file says it from now on: queues that are new in it are not there before somebody has declared them.
    func replace(_ file: JobFile) {
        let (queues, names) = (Self.named(file), OutputNames(file.names))
        self.state.withLock { state in
            let known = Set(state.file.jobs.flatMap(\.queues))
            for queue in Set(file.jobs.flatMap(\.queues)).subtracting(known) {
                state.standings[queue] = .open
                // Whoever declares it declares the exchanges that it receives from too.
                state.bereft.insert(queue)
            }
            state.file = file
            state.queues = queues
            state.outputNames = names
            self.renamesOutputs.store(names != nil, ordering: .releasing)
        }
    }

    /// Outputs of a handler, by the broker's names.
    func onBroker(_ outputs: [Publication]) -> [Publication] {
        guard self.renamesOutputs.load(ordering: .acquiring), let names = self.state.withLock({ $0.outputNames }) else {
            return outputs
        }
        return outputs.map(names.onBroker)
    }

    // MARK: For whoever connects

    /// All that the file says, for a connection's broker.
    func plan(for connection: Connection) -> DeclarationPlan {
        DeclarationPlan(self.file.declarations(self.options(connection.brokerVersion)))
    }

    private func options(_ broker: BrokerVersion) -> JobFile.PlanOptions {
        var options = JobFile.PlanOptions()
        options.takesUnlimitedDeliveries = broker.takesUnlimitedDeliveries
        options.awaitsOthers = self.awaitsOthers
        return options
    }

    /// How far the declarations of a connection are.
    ///
    /// - Parameters:
    ///   - plan: What it says.
    ///   - connection: Whose.
    ///   - isNew: Whether it is the one of the moment from now on; what others say then does not count any more.
    func note(_ plan: DeclarationPlan, of connection: Connection, isNew: Bool) {
        let standings = Dictionary(
            self.file.jobs.flatMap(\.queues).map { ($0, plan.standing(ofQueue: $0)) },
            uniquingKeysWith: { first, _ in first }
        )
        var (kept, asWritten): (Set<String>, Set<String>) = ([], [])
        for planned in plan.planned {
            guard case .queue(let name) = planned.item else { continue }
            switch plan.standing(of: planned.item) {
            case .kept?: kept.insert(name)
            case .there?: asWritten.insert(name)
            case .later?, .refused?, nil: break
            }
        }
        let finals = plan.failures.filter(\.isFinal)
        let refused = Set(finals.map(\.item))
        let refusals = Dictionary(
            // What ends a connection is tried alone, and again.
            finals.filter { $0.error.scope != .connection }
                .compactMap { failure in failure.item.queue.map { ($0, failure.error) } },
            uniquingKeysWith: { first, _ in first }
        )
        self.state.withLock { state in
            if isNew { state.connection = ObjectIdentifier(connection) }
            guard state.connection == ObjectIdentifier(connection) else { return }
            state.standings = standings
            state.kept = state.kept.subtracting(asWritten).union(kept)
            state.refused = refused
            state.refusals = refusals
        }
    }

    // MARK: For workers

    /// Declares a job's queue, with its bindings, on the worker's channel, unless the broker has said that they are there.
    ///
    /// Waits for an answer that is under way: two who ask for one queue at once may get in each other's way.
    ///
    /// - Parameters:
    ///   - name: The queue.
    ///   - connection: The channel's.
    ///   - channel: Ends with what the broker refuses.
    ///   - isMissing: Whether the queue may have been deleted.
    ///   - isFirst: Whether nobody has consumed it yet: then an answer that was late counts like one that came in time.
    ///   - logger: Gets what is worth a line.
    /// - Throws: What can not be had; why the channel or the connection ended.
    func provide(
        _ name: String,
        on connection: Connection,
        _ channel: Channel,
        isMissing: Bool,
        isFirst: Bool,
        logger: Logger
    ) throws(AMQPError) {
        self.awaitAnswer(about: name, channel)
        if isFirst, let refusal = self.refusal(ofQueue: name) { throw refusal }
        guard isMissing || self.standing(of: name) != .there else { return }
        try self.renewExchanges(of: name, on: connection, logger)
        try self.declare(name, on: channel, logger)
        self.state.withLock { state in
            state.standings[name] = .there
            state.bereft.remove(name)
        }
    }

    /// Waits for an answer about a queue that is under way.
    func awaitAnswer(about name: String, _ channel: Channel, until deadline: UInt64 = .max) {
        while self.standing(of: name) == .underWay, channel.isOpen, !channel.isInterrupted,
            MonotonicClock.now() < deadline
        {
            channel.pump(until: MonotonicClock.now() &+ Self.look)
        }
    }

    /// Whether ``provide(_:on:_:isMissing:isFirst:logger:)`` would have nothing to do and nothing to say.
    func isThere(_ name: String, isFirst: Bool) -> Bool {
        self.standing(of: name) == .there && !(isFirst && self.refusal(ofQueue: name) != nil)
    }

    /// How often a worker looks whether the answer has come: nanoseconds.
    private static let look: UInt64 = 100_000_000

    private func declare(_ name: String, on channel: Channel, _ logger: Logger) throws(AMQPError) {
        var options = self.options(channel.brokerVersion)
        options.kept = self.state.withLock { $0.kept }
        var plan = DeclarationPlan(self.file.declarations(ofQueue: name, options))
        while let (item, declaration) = plan.next() {
            do throws(AMQPError) {
                try channel.declare(declaration)
                plan.answered(item, nil)
            } catch {
                // The channel is gone, whatever comes of it: the worker's next one finds it noted.
                let isKept = plan.answered(item, error) == nil
                if isKept { logger.warning(Declarer.kept, metadata: ["name": "\(item)", "difference": "\(error)"]) }
                self.note(item, error, queue: name, isKept: isKept)
                throw error
            }
        }
    }

    private func note(_ item: TopologyItem, _ error: AMQPError, queue name: String, isKept: Bool) {
        let isMissing = error.code.rawValue == 404 && !error.meansNodeDown
        self.state.withLock { state in
            switch item {
            // There, and not as the file says.
            case .queue where isKept: state.kept.insert(name)
            // Gone: the next one is as the file says. Any other error says nothing about that.
            case .queue where isMissing: state.kept.remove(name)
            case .queueBinding where isMissing: state.bereft.insert(name)
            case .queue, .queueBinding, .exchange, .exchangeBinding: break
            }
        }
    }

    /// Declares the exchanges that a queue receives from, where they may have gone with it.
    private func renewExchanges(
        of name: String,
        on connection: Connection,
        _ logger: Logger
    ) throws(AMQPError) {
        guard self.file.losesExchanges(with: name) || self.state.withLock({ $0.bereft.contains(name) }) else { return }
        let refused = self.state.withLock { $0.refused }
        let planned = self.file.declarations(ofExchangesOf: name, self.options(connection.brokerVersion))
            .filter { !refused.contains($0.item) }
        var limits = DeclarationRun.Limits()
        limits.answer = 5_000_000_000
        var declarer = Declarer(
            DeclarationRun(DeclarationPlan(planned), goesOn: false, limits: limits),
            on: connection,
            logger: logger
        )
        try declarer.work()
    }

    /// What the broker has said of a job's queue; from any thread.
    func standing(of queue: String) -> QueueStanding { self.state.withLock { $0.standings[queue] ?? .there } }

    /// Why the broker of the moment does not give a queue as the file says, bindings included; nil if it does, or may.
    func refusal(ofQueue name: String) -> AMQPError? { self.state.withLock { $0.refusals[name] } }

    private func isKept(_ queue: String) -> Bool { self.state.withLock { $0.kept.contains(queue) } }

    func type(of queue: String) -> QueueDefinition.QueueType? { self.queues[queue]?.type }

    /// Whether a message that is rejected becomes a dead letter by the broker: the file gives its queue a target, the
    /// queue was declared so, and the target is there.
    func brokerDeadLetters(_ name: String, on connection: Connection) -> Bool {
        guard let queue = self.queues[name], queue.declare == .active, let target = queue.deadLetter,
            !self.isKept(name), !connection.isBlocked
        else { return false }
        do throws(AMQPError) {
            let channel = try connection.openChannel(outwaitsBlocks: false)
            defer { channel.close() }
            if !target.exchange.isEmpty {
                try channel.declareExchange(target.exchange, passive: true)
            } else if let key = target.routingKey {
                _ = try channel.declareQueue(key, passive: true)
            } else {
                return false  // its own key, which leads back to where it is
            }
            return true
        } catch {
            return false
        }
    }

    /// Where a job's dead letters go.
    struct DeadLetterTarget: Equatable {
        let exchange: String
        /// Nil keeps the message's own.
        let routingKey: String?
        /// The file names none: a queue of ours, made with the first dead letter.
        let isOurs: Bool
        /// For messages to people.
        var name: String { self.routingKey ?? self.exchange }
    }

    /// The queue's `dead_letter`, or `QUEUE.dead`: without a target a broker drops what is rejected.
    func deadLetter(of queue: String) -> DeadLetterTarget {
        guard let target = self.queues[queue]?.deadLetter else { return self.ownDeadLetter(of: queue) }
        return DeadLetterTarget(exchange: target.exchange, routingKey: target.routingKey, isOurs: false)
    }

    /// A queue of ours, whatever the file says.
    ///
    /// `QUEUE.dead`, unless a job works that off: then nobody's.
    func ownDeadLetter(of queue: String) -> DeadLetterTarget {
        let usual = DerivedName.of(queue, "dead")
        let isWorkedOff = self.file.jobs.contains { $0.queues.contains(usual) } && self.queues[queue]?.deadLetter != nil
        let name = isWorkedOff ? DerivedName.of(queue, "dead.circle") : usual
        return DeadLetterTarget(exchange: "", routingKey: name, isOurs: true)
    }

    func wearLimit(of name: String) -> WearLimit? {
        var queue = self.queues[name]
        // As it is and not as the file says: what the broker does unless told otherwise.
        if queue?.deliveryLimit == QueueDefinition.unlimitedDeliveries, self.isKept(name) {
            queue?.deliveryLimit = nil
        }
        return WearLimit(queue)
    }

    /// The queues in which copies of a job queue's messages wait.
    func delays(of queue: String, _ ladder: DelayLadder) -> DelayQueue {
        DelayQueue(home: queue, type: self.isStream(queue) ? .quorum : self.type(of: queue), ladder: ladder)
    }

    private func isStream(_ queue: String) -> Bool {
        self.queues[queue]?.arguments["x-queue-type"] == .string("stream")
    }
}
