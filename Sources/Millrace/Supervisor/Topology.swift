import AMQPClient
import AMQPWire

/// What the job file says about exchanges and queues, and how it is made true on a broker.
final class Topology: Sendable {
    private let file: JobFile
    private let queues: [String: QueueDefinition]

    init(_ file: JobFile) {
        self.file = file
        self.queues = Dictionary(file.queues.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Declares everything, each queue by itself: one that clashes costs nobody else.
    ///
    /// - Returns: Why the queues, by name, that can not be had can not be had; exchanges under `exchange NAME`.
    /// - Throws: Why the connection ended.
    func declareAll(on connection: Connection) throws(AMQPError) -> [String: AMQPError] {
        var failures: [String: AMQPError] = [:]
        var channel = try connection.openChannel()
        func attempt(_ name: String, _ step: (Channel) throws(AMQPError) -> Void) throws(AMQPError) {
            do throws(AMQPError) {
                try step(channel)
            } catch {
                if error.scope == .connection { throw error }
                failures[name] = error
                if !channel.isOpen { channel = try connection.openChannel() }
            }
        }
        for exchange in self.file.exchanges {
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
            try attempt(queue.name) { (channel) throws(AMQPError) in try self.declare(queue, on: channel) }
        }
        for job in self.file.jobs where self.queues[job.queue] == nil {
            try attempt(job.queue) { (channel) throws(AMQPError) in
                _ = try channel.declareQueue(job.queue, passive: true)
            }
        }
        channel.close()
        return failures
    }

    /// Declares one job's queue again on the worker's own channel: it may have been deleted.
    func declare(queue name: String, on channel: Channel) throws(AMQPError) {
        guard let queue = self.queues[name] else {
            _ = try channel.declareQueue(name, passive: true)
            return
        }
        try self.declare(queue, on: channel)
    }

    func isQuorum(_ queue: String) -> Bool { self.queues[queue]?.type == .quorum }

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
        guard let target = self.queues[queue]?.deadLetter else {
            return DeadLetterTarget(exchange: "", routingKey: Self.ownDeadLetterQueue(of: queue), isOurs: true)
        }
        return DeadLetterTarget(exchange: target.exchange, routingKey: target.routingKey, isOurs: false)
    }

    /// `orders.dead`: at most 255 octets.
    static func ownDeadLetterQueue(of queue: String) -> String {
        queue.utf8.count <= 250 ? "\(queue).dead" : FailureNote.cut(queue, to: 250) + ".dead"
    }

    /// A dead-letter target on the default exchange that the file does not declare: without it, dead letters vanish.
    private func undeclaredDeadLetterQueue(of queue: QueueDefinition) -> String? {
        guard let target = queue.deadLetter, target.exchange.isEmpty, let name = target.routingKey,
            self.queues[name] == nil
        else { return nil }
        return name
    }

    private func declare(_ exchange: ExchangeDefinition, on channel: Channel) throws(AMQPError) {
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
        var arguments = FieldTable(queue.arguments)
        if queue.type == .quorum { arguments["x-queue-type"] = "quorum" }
        if let target = queue.deadLetter {
            arguments["x-dead-letter-exchange"] = .string(target.exchange)
            if let key = target.routingKey { arguments["x-dead-letter-routing-key"] = .string(key) }
        }
        if let ttl = queue.messageTTL {
            arguments["x-message-ttl"] = .int64(Int64(clamping: ttl.nanoseconds / 1_000_000))
        }
        if let length = queue.maxLength { arguments["x-max-length"] = .int64(Int64(length)) }
        _ = try channel.declareQueue(
            queue.name,
            durable: queue.durable,
            exclusive: queue.exclusive,
            autoDelete: queue.autoDelete,
            arguments: arguments
        )
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
