import AMQPClient
import AMQPWire

/// What the file says about exchanges and queues, as questions to a broker.
extension JobFile {
    /// What differs between runs and brokers.
    package struct PlanOptions: Equatable, Sendable {
        /// Whether the broker knows a delivery limit of -1.
        package var takesUnlimitedDeliveries = false
        /// Queues that are used as they are.
        package var kept: Set<String> = []
        /// Whether what somebody else may make is awaited; not where a run is to end by itself.
        package var awaitsOthers = true

        package init() {}
    }

    /// Everything: all exchanges before any binding of one, then queues, where their dead letters go among them, then what
    /// binds them, then a look at jobs' queues that the file does not declare.
    package func declarations(_ options: PlanOptions = PlanOptions()) -> [PlannedDeclaration] {
        let names = Set(self.queues.map(\.name))
        let ofJobs = Set(self.jobs.flatMap(\.queues))
        var known: Set<String> = []
        let targets = self.queues.compactMap(Self.deadLetterQueue).filter { target in
            !names.contains(target) && known.insert(target).inserted
        }
        return self.exchangeDeclarations(self.exchanges, options)
            + targets.map { Self.look($0, ifMissing: .made, isOfJob: false) }
            + self.queues.filter { $0.declare != .none }.map {
                self.declaration($0, options, isOfJob: ofJobs.contains($0.name))
            }
            + self.queues.flatMap { self.bindings($0, options, isOfJob: ofJobs.contains($0.name)) }
            + self.queuesToLookAt.filter { !known.contains($0) }.map {
                Self.look($0, ifMissing: self.ifMissing($0), isOfJob: true)
            }
    }

    /// One queue of a job, and what binds it.
    package func declarations(ofQueue name: String, _ options: PlanOptions = PlanOptions()) -> [PlannedDeclaration] {
        guard let queue = self.queues.first(where: { $0.name == name }), queue.declare != .none else {
            return [Self.look(name, ifMissing: self.ifMissing(name), isOfJob: true)]
        }
        return [self.declaration(queue, options, isOfJob: true)] + self.bindings(queue, options, isOfJob: true)
    }

    /// The file's exchanges from which a queue receives, directly or by others, with their bindings.
    package func declarations(ofExchangesOf name: String, _ options: PlanOptions = PlanOptions())
        -> [PlannedDeclaration]
    {
        let sources = self.sources(of: name)
        return self.exchangeDeclarations(self.exchanges.filter { sources.contains($0.name) }, options)
    }

    /// Whether the broker deletes an exchange by itself that a queue receives from, once the queue is gone.
    package func losesExchanges(with name: String) -> Bool {
        let sources = self.sources(of: name)
        return self.exchanges.contains { $0.autoDelete && $0.declare == .active && sources.contains($0.name) }
    }

    private func sources(of queue: String) -> Set<String> {
        let bindings = self.queues.first { $0.name == queue && $0.declare != .none }?.bindings ?? []
        var found: Set<String> = []
        var open = bindings.map(\.exchange)
        while let name = open.popLast() {
            guard found.insert(name).inserted else { continue }
            open += self.exchanges.first { $0.name == name && $0.declare == .active }?.bindings.map(\.exchange) ?? []
        }
        return found
    }

    // MARK: The parts

    private func exchangeDeclarations(
        _ exchanges: [ExchangeDefinition],
        _ options: PlanOptions
    ) -> [PlannedDeclaration] {
        exchanges.filter { $0.declare != .none }.map { Self.declaration($0, options) }
            + exchanges.filter { $0.declare == .active }.flatMap { Self.bindings($0, options) }
    }

    private static func declaration(_ exchange: ExchangeDefinition, _ options: PlanOptions) -> PlannedDeclaration {
        var declare = ExchangeDeclare(exchange: exchange.name, type: "direct", passive: true, durable: true)
        if exchange.declare == .active {
            declare = ExchangeDeclare(
                exchange: exchange.name,
                type: exchange.type,
                durable: exchange.durable,
                autoDelete: exchange.autoDelete,
                internal: exchange.internal,
                arguments: FieldTable(exchange.arguments)
            )
        }
        return PlannedDeclaration(
            .exchange(exchange.name),
            .exchange(declare),
            ifMissing: options.awaitsOthers ? .awaited : .refused
        )
    }

    private static func bindings(_ exchange: ExchangeDefinition, _ options: PlanOptions) -> [PlannedDeclaration] {
        exchange.bindings.enumerated().map { number, binding in
            PlannedDeclaration(
                .exchangeBinding(of: exchange.name, to: binding.exchange, key: binding.routingKey, number: number),
                .exchangeBinding(
                    ExchangeBind(
                        destination: exchange.name,
                        source: binding.exchange,
                        routingKey: binding.routingKey,
                        arguments: FieldTable(binding.arguments)
                    )
                ),
                after: [.exchange(exchange.name), .exchange(binding.exchange)],
                ifMissing: options.awaitsOthers ? .awaited : .refused
            )
        }
    }

    private func declaration(
        _ queue: QueueDefinition,
        _ options: PlanOptions,
        isOfJob: Bool
    ) -> PlannedDeclaration {
        if queue.declare == .passive || options.kept.contains(queue.name) {
            let ifMissing = isOfJob ? self.ifMissing(queue.name) : options.awaitsOthers ? .awaited : .refused
            return Self.look(queue.name, ifMissing: ifMissing, isOfJob: isOfJob)
        }
        let isUnlimited = queue.deliveryLimit == QueueDefinition.unlimitedDeliveries
        return PlannedDeclaration(
            .queue(queue.name),
            .queue(queue.request(takesUnlimitedDeliveries: options.takesUnlimitedDeliveries)),
            ifDifferent: queue.onMismatch == .keep ? .kept : isUnlimited ? .keptWithoutDeliveryLimit : .refused,
            isOfJob: isOfJob
        )
    }

    private func bindings(_ queue: QueueDefinition, _ options: PlanOptions, isOfJob: Bool) -> [PlannedDeclaration] {
        guard queue.declare != .none else { return [] }
        return queue.bindings.enumerated().map { number, binding in
            PlannedDeclaration(
                .queueBinding(of: queue.name, to: binding.exchange, key: binding.routingKey, number: number),
                .queueBinding(
                    QueueBind(
                        queue: queue.name,
                        exchange: binding.exchange,
                        routingKey: binding.routingKey,
                        arguments: FieldTable(binding.arguments)
                    )
                ),
                after: [.queue(queue.name), .exchange(binding.exchange)],
                ifMissing: options.awaitsOthers ? .awaited : .refused,
                isOfJob: isOfJob
            )
        }
    }

    private static func look(
        _ queue: String,
        ifMissing: PlannedDeclaration.Missing,
        isOfJob: Bool
    ) -> PlannedDeclaration {
        PlannedDeclaration(
            .queue(queue),
            .queue(QueueDeclare(queue: queue, passive: true, durable: true)),
            ifMissing: ifMissing,
            isOfJob: isOfJob
        )
    }

    // MARK: Queues that nobody here declares

    /// Queues of jobs that the file does not declare, each once.
    private var queuesToLookAt: [String] {
        let declared = Set(self.queues.filter { $0.declare != .none }.map(\.name))
        var known: Set<String> = []
        return self.jobs.flatMap(\.queues).filter { !declared.contains($0) && known.insert($0).inserted }
    }

    /// A queue of several jobs is awaited if one of them waits; the others fail by themselves.
    private func ifMissing(_ queue: String) -> PlannedDeclaration.Missing {
        self.jobs.contains { $0.queues.contains(queue) && $0.missingQueue == .retry } ? .awaited : .refused
    }

    /// A dead-letter target on the default exchange: without it, dead letters vanish.
    private static func deadLetterQueue(of queue: QueueDefinition) -> String? {
        guard let target = queue.deadLetter, target.exchange.isEmpty else { return nil }
        return target.routingKey
    }
}

extension QueueDefinition {
    /// What is asked of a broker.
    func request(takesUnlimitedDeliveries: Bool) -> QueueDeclare {
        var arguments = FieldTable(self.arguments)
        if let type = self.type { arguments["x-queue-type"] = .string(type.rawValue) }
        if let target = self.deadLetter {
            arguments["x-dead-letter-exchange"] = .string(target.exchange)
            if let key = target.routingKey { arguments["x-dead-letter-routing-key"] = .string(key) }
        }
        if let ttl = self.messageTTL {
            arguments["x-message-ttl"] = .int64(Int64(clamping: ttl.nanoseconds / 1_000_000))
        }
        if let length = self.maxLength { arguments["x-max-length"] = .int64(Int64(length)) }
        if let bytes = self.maxLengthBytes { arguments["x-max-length-bytes"] = .int64(Int64(bytes)) }
        if let overflow = self.overflow { arguments["x-overflow"] = .string(overflow.rawValue) }
        if let priority = self.maxPriority { arguments["x-max-priority"] = .int64(Int64(priority)) }
        if self.singleActiveConsumer { arguments["x-single-active-consumer"] = .bool(true) }
        if let limit = self.deliveryLimit, limit != Self.unlimitedDeliveries || takesUnlimitedDeliveries {
            arguments["x-delivery-limit"] = .int64(Int64(limit))
        }
        if let expires = self.expires {
            arguments["x-expires"] = .int64(Int64(clamping: expires.nanoseconds / 1_000_000))
        }
        return QueueDeclare(
            queue: self.name,
            durable: self.durable,
            exclusive: self.exclusive,
            autoDelete: self.autoDelete,
            arguments: arguments
        )
    }
}
