import AMQPClient
import AMQPWire
import Logging

/// What the job file says about exchanges and queues, and how it is made true on a broker.
final class Topology: Sendable {
    private let file: JobFile
    private let queues: [String: QueueDefinition]
    /// Delay queues, which are declared by whoever brings back what waits in them.
    let delayQueues = ParkingQueues()
    /// Queues that are there, not as the file says, and used as they are.
    private let kept = Monitor<Set<String>>([])

    init(_ file: JobFile) {
        self.file = file
        self.queues = Dictionary(file.queues.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Declares everything, each queue by itself: one that clashes costs nobody else.
    ///
    /// - Parameters:
    ///   - connection: Where to.
    ///   - logger: Gets what is worth a line.
    ///   - plan: What is left out; afterwards, what was under way when the connection ended.
    /// - Returns: Why the queues, by name, that can not be had can not be had; exchanges under `exchange NAME`.
    /// - Throws: Why the connection ended.
    func declareAll(
        on connection: Connection,
        logger: Logger,
        _ plan: inout DeclaringPlan
    ) throws(AMQPError) -> [String: AMQPError] {
        var failures: [String: AMQPError] = [:]
        var channel = try connection.openChannel()
        func attempt(_ name: String, _ step: (Channel) throws(AMQPError) -> Void) throws(AMQPError) {
            switch plan.begin(name) {
            case .skip: return
            case .fail(let error):
                failures[name] = error
                return
            case .declare: break
            }
            do throws(AMQPError) {
                try step(channel)
                plan.finished()
            } catch {
                if error.scope == .connection { throw error }
                plan.finished()
                failures[name] = error
                if !channel.isOpen { channel = try connection.openChannel() }
            }
        }
        for exchange in self.file.exchanges where exchange.declare != .none {
            try attempt("exchange \(exchange.name)") { (channel) throws(AMQPError) in
                try self.declare(exchange, on: channel)
            }
        }
        for queue in self.file.queues {
            if let target = self.undeclaredDeadLetterQueue(of: queue) {
                var isMissing = false
                do throws(AMQPError) {
                    _ = try channel.declareQueue(target, passive: true)
                } catch {
                    if error.scope == .connection { throw error }
                    isMissing = error.code.rawValue == 404
                    channel = try connection.openChannel()
                }
                if isMissing {
                    try attempt(target) { (channel) throws(AMQPError) in _ = try channel.declareQueue(target) }
                }
            }
            if queue.declare == .none { continue }
            try attempt(queue.name) { (channel) throws(AMQPError) in try self.declare(queue, on: channel) }
            if let mismatch = failures[queue.name], mismatch.code.rawValue == 406, queue.onMismatch == .keep {
                failures[queue.name] = nil
                // It is there, or the broker refuses what the file asks for whatever there is.
                try attempt(queue.name) { (channel) throws(AMQPError) in
                    _ = try channel.declareQueue(queue.name, passive: true)
                    self.kept.withLock { _ = $0.insert(queue.name) }
                    try self.bind(queue, on: channel)
                }
                if failures[queue.name]?.code.rawValue == 404 {
                    failures[queue.name] = mismatch
                } else {
                    logger.warning(
                        "a queue is not as the job file says; it is used as it is (on_mismatch: keep)",
                        metadata: ["queue": "\(queue.name)", "difference": "\(mismatch)"]
                    )
                }
            }
        }
        for job in self.file.jobs where self.isLookedAtForItsJob(job.queue) {
            try attempt(job.queue) { (channel) throws(AMQPError) in
                _ = try channel.declareQueue(job.queue, passive: true)
            }
        }
        channel.close()
        for job in self.file.jobs where job.missingQueue == .retry && failures[job.queue]?.code.rawValue == 404 {
            failures[job.queue] = nil  // its workers look again and again
        }
        return failures
    }

    /// Whether nobody has looked yet if the queue is there.
    private func isLookedAtForItsJob(_ queue: String) -> Bool {
        (self.queues[queue]?.declare ?? DeclareMode.none) == DeclareMode.none
    }

    /// Declares one job's queue again on the worker's own channel: it may have been deleted.
    func declare(queue name: String, on channel: Channel) throws(AMQPError) {
        guard let queue = self.queues[name], queue.declare == .active, !self.kept.withLock({ $0.contains(name) }) else {
            do throws(AMQPError) {
                _ = try channel.declareQueue(name, passive: true)
            } catch {
                // Gone: the next one is as the file says. Any other error says nothing about that.
                if error.code.rawValue == 404 { self.kept.withLock { _ = $0.remove(name) } }
                throw error
            }
            return
        }
        try self.declare(queue, on: channel)
    }

    func type(of queue: String) -> QueueDefinition.QueueType? { self.queues[queue]?.type }

    /// Whether a message that is rejected becomes a dead letter by the broker: the file gives its queue a target, the
    /// queue was declared so, and the target is there.
    func brokerDeadLetters(_ name: String, on connection: Connection) -> Bool {
        guard let queue = self.queues[name], queue.declare == .active, let target = queue.deadLetter,
            !self.kept.withLock({ $0.contains(name) }), !connection.isBlocked
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
        let isWorkedOff = self.file.jobs.contains { $0.queue == usual } && self.queues[queue]?.deadLetter != nil
        let name = isWorkedOff ? DerivedName.of(queue, "dead.circle") : usual
        return DeadLetterTarget(exchange: "", routingKey: name, isOurs: true)
    }

    func wearLimit(of queue: String) -> WearLimit? { WearLimit(self.queues[queue]) }

    /// The queues in which copies of a job queue's messages wait.
    func delays(of queue: String, _ ladder: DelayLadder) -> DelayQueue {
        DelayQueue(home: queue, type: self.isStream(queue) ? .quorum : self.type(of: queue), ladder: ladder)
    }

    private func isStream(_ queue: String) -> Bool {
        self.queues[queue]?.arguments["x-queue-type"] == .string("stream")
    }

    /// A dead-letter target on the default exchange that the file does not declare: without it, dead letters vanish.
    private func undeclaredDeadLetterQueue(of queue: QueueDefinition) -> String? {
        guard let target = queue.deadLetter, target.exchange.isEmpty, let name = target.routingKey,
            self.queues[name] == nil
        else { return nil }
        return name
    }

    private func declare(_ exchange: ExchangeDefinition, on channel: Channel) throws(AMQPError) {
        if exchange.declare == .passive { return try channel.declareExchange(exchange.name, passive: true) }
        try channel.declareExchange(
            exchange.name,
            type: exchange.type,
            durable: exchange.durable,
            autoDelete: exchange.autoDelete,
            internal: exchange.internal,
            arguments: FieldTable(exchange.arguments)
        )
        for binding in exchange.bindings {
            try channel.bindExchange(
                exchange.name,
                to: binding.exchange,
                routingKey: binding.routingKey,
                arguments: FieldTable(binding.arguments)
            )
        }
    }

    private func declare(_ queue: QueueDefinition, on channel: Channel) throws(AMQPError) {
        if queue.declare == .passive {
            _ = try channel.declareQueue(queue.name, passive: true)
            return try self.bind(queue, on: channel)
        }
        var arguments = FieldTable(queue.arguments)
        if let type = queue.type { arguments["x-queue-type"] = .string(type.rawValue) }
        if let target = queue.deadLetter {
            arguments["x-dead-letter-exchange"] = .string(target.exchange)
            if let key = target.routingKey { arguments["x-dead-letter-routing-key"] = .string(key) }
        }
        if let ttl = queue.messageTTL {
            arguments["x-message-ttl"] = .int64(Int64(clamping: ttl.nanoseconds / 1_000_000))
        }
        if let length = queue.maxLength { arguments["x-max-length"] = .int64(Int64(length)) }
        if let bytes = queue.maxLengthBytes { arguments["x-max-length-bytes"] = .int64(Int64(bytes)) }
        if let overflow = queue.overflow { arguments["x-overflow"] = .string(overflow.rawValue) }
        if let priority = queue.maxPriority { arguments["x-max-priority"] = .int64(Int64(priority)) }
        if queue.singleActiveConsumer { arguments["x-single-active-consumer"] = .bool(true) }
        if let limit = queue.deliveryLimit { arguments["x-delivery-limit"] = .int64(Int64(limit)) }
        if let expires = queue.expires {
            arguments["x-expires"] = .int64(Int64(clamping: expires.nanoseconds / 1_000_000))
        }
        _ = try channel.declareQueue(
            queue.name,
            durable: queue.durable,
            exclusive: queue.exclusive,
            autoDelete: queue.autoDelete,
            arguments: arguments
        )
        try self.bind(queue, on: channel)
    }

    private func bind(_ queue: QueueDefinition, on channel: Channel) throws(AMQPError) {
        for binding in queue.bindings {
            try channel.bindQueue(
                queue.name,
                to: binding.exchange,
                routingKey: binding.routingKey,
                arguments: FieldTable(binding.arguments)
            )
        }
    }
}

extension FieldTable {
    init(_ arguments: [String: ArgumentValue]) {
        self.init(arguments.sorted { $0.key < $1.key }.map { Entry(key: $0.key, value: FieldValue($0.value)) })
    }
}

extension FieldValue {
    init(_ argument: ArgumentValue) {
        switch argument {
        case .string(let value): self = .string(value)
        case .int(let value): self = .int64(value)
        case .double(let value): self = .double(value)
        case .bool(let value): self = .bool(value)
        case .null: self = .void
        case .array(let values): self = .array(values.map(FieldValue.init))
        case .table(let values): self = .table(FieldTable(values))
        }
    }
}
