import AMQPCore
public import AMQPWire

/// Exchanges, queues and bindings that are declared on every new connection.
///
/// Recording sends nothing: record before the start, or call ``declareAll(on:)`` afterwards. Thread-safe.
public final class RecordedTopology: Sendable {
    private struct Exchange {
        let name: String
        let type: String
        let durable: Bool
        let autoDelete: Bool
        let isInternal: Bool
        let arguments: FieldTable
    }
    private struct ExchangeBinding: Equatable {
        let destination: String
        let source: String
        let routingKey: String
        let arguments: FieldTable
    }
    private struct QueueBinding {
        let queue: RecordedQueue
        let exchange: String
        let routingKey: String
        let arguments: FieldTable
    }
    private struct Records {
        var exchanges: [Exchange] = []
        var queues: [RecordedQueue] = []
        var exchangeBindings: [ExchangeBinding] = []
        var queueBindings: [QueueBinding] = []
    }
    private let records = Monitor(Records())

    /// Nothing recorded.
    public init() {}

    // MARK: Recording

    /// Records an exchange; another one of the same name is forgotten.
    public func exchange(
        _ name: String,
        type: String = "direct",
        durable: Bool = true,
        autoDelete: Bool = false,
        internal isInternal: Bool = false,
        arguments: FieldTable = FieldTable()
    ) {
        self.records.withLock { records in
            records.exchanges.removeAll { $0.name == name }
            records.exchanges.append(
                Exchange(
                    name: name,
                    type: type,
                    durable: durable,
                    autoDelete: autoDelete,
                    isInternal: isInternal,
                    arguments: arguments
                )
            )
        }
    }

    /// Records a queue; another one of the same name is forgotten, its bindings are kept.
    ///
    /// - Parameters:
    ///   - name: Empty to have the broker make one up on each connection. Such a queue should be `exclusive`, so that
    ///     the one of the last connection is gone.
    ///   - durable: It survives a restart of the broker.
    ///   - exclusive: It belongs to the connection and ends with it.
    ///   - autoDelete: It ends with its last consumer.
    ///   - arguments: For instance `x-queue-type`.
    /// - Returns: The queue, for bindings and a ``RecoveringConsumer``.
    @discardableResult
    public func queue(
        _ name: String,
        durable: Bool = true,
        exclusive: Bool = false,
        autoDelete: Bool = false,
        arguments: FieldTable = FieldTable()
    ) -> RecordedQueue {
        let queue = RecordedQueue(
            name,
            durable: durable,
            exclusive: exclusive,
            autoDelete: autoDelete,
            arguments: arguments
        )
        self.records.withLock { records in
            if !name.isEmpty { records.queues.removeAll { $0.requestedName == name } }
            records.queues.append(queue)
        }
        return queue
    }

    /// Records a binding of a queue, which follows it to a new name.
    public func bind(
        _ queue: RecordedQueue,
        to exchange: String,
        routingKey: String = "",
        arguments: FieldTable = FieldTable()
    ) {
        let binding = QueueBinding(queue: queue, exchange: exchange, routingKey: routingKey, arguments: arguments)
        self.records.withLock { $0.queueBindings.append(binding) }
    }

    /// Records a binding of one exchange to another.
    public func bindExchange(
        _ destination: String,
        to source: String,
        routingKey: String = "",
        arguments: FieldTable = FieldTable()
    ) {
        let binding = ExchangeBinding(
            destination: destination,
            source: source,
            routingKey: routingKey,
            arguments: arguments
        )
        self.records.withLock { $0.exchangeBindings.append(binding) }
    }

    /// Forgets a queue and its bindings; nothing is deleted on the broker.
    public func forget(_ queue: RecordedQueue) {
        self.records.withLock { records in
            records.queues.removeAll { $0 === queue }
            records.queueBindings.removeAll { $0.queue === queue }
        }
    }

    /// Forgets an exchange and its bindings; nothing is deleted on the broker.
    public func forgetExchange(_ name: String) {
        self.records.withLock { records in
            records.exchanges.removeAll { $0.name == name }
            records.exchangeBindings.removeAll { $0.source == name || $0.destination == name }
            records.queueBindings.removeAll { $0.exchange == name }
        }
    }

    /// The recorded queue that has this name.
    func queue(named name: String) -> RecordedQueue? {
        self.records.withLock { records in records.queues.first { $0.requestedName == name } }
    }

    // MARK: Declaring

    /// Declares everything on a channel of its own: exchanges, queues, and then the bindings.
    ///
    /// What the broker refuses ends that channel; the rest goes on, on another one.
    ///
    /// - Returns: What could not be declared.
    /// - Throws: Why the connection ended.
    @available(*, noasync, message: "it blocks its thread")
    public func declareAll(on connection: Connection) throws(AMQPError) -> [TopologyFailure] {
        try self.declareAll(on: connection) { false }
    }

    /// The same, unless its owner is to stop: asked before each entity.
    ///
    /// - Parameters:
    ///   - connection: Where to.
    ///   - isStopping: Whether to end.
    /// - Returns: What could not be declared.
    /// - Throws: Why the connection ended; `.closedByOwner` if it was stopped.
    package func declareAll(
        on connection: Connection,
        unless isStopping: () -> Bool
    ) throws(AMQPError) -> [TopologyFailure] {
        try Self.declare(self.records.withLock { $0 }, on: connection, unless: isStopping)
    }

    private static func declare(
        _ records: Records,
        on connection: Connection,
        unless isStopping: () -> Bool
    ) throws(AMQPError) -> [TopologyFailure] {
        var failures: [TopologyFailure] = []
        var channel = try connection.openChannel()
        func attempt(_ entity: String, _ step: (Channel) throws(AMQPError) -> Void) throws(AMQPError) {
            if isStopping() { throw .ended(.connection, "stopped while the topology was declared") }
            do throws(AMQPError) {
                try step(channel)
            } catch {
                if error.scope == .connection { throw error }
                failures.append(TopologyFailure(entity: entity, error: error))
                if !channel.isOpen { channel = try connection.openChannel() }
            }
        }
        for exchange in records.exchanges {
            try attempt("exchange '\(exchange.name)'") { (channel) throws(AMQPError) in
                try Self.declare(exchange, on: channel)
            }
        }
        for queue in records.queues {
            try attempt(queue.label) { (channel) throws(AMQPError) in _ = try queue.declare(on: channel) }
        }
        for binding in records.exchangeBindings {
            let entity = "binding of exchange '\(binding.destination)' to '\(binding.source)'"
            try attempt(entity) { (channel) throws(AMQPError) in try Self.declare(binding, on: channel) }
        }
        for binding in records.queueBindings {
            let entity = "binding of \(binding.queue.label) to '\(binding.exchange)'"
            try attempt(entity) { (channel) throws(AMQPError) in try Self.declare(binding, on: channel) }
        }
        channel.close()
        return failures
    }

    /// Declares one queue and its bindings again, on the channel of the consumer that misses it; and before that, on others,
    /// the exchanges that the broker may have deleted with it.
    func declare(_ queue: RecordedQueue, on channel: Channel, of connection: Connection) throws(AMQPError) -> String {
        let records = self.records.withLock { $0 }
        let bindings = records.queueBindings.filter { $0.queue === queue }
        let gone = Self.sources(of: bindings.map(\.exchange), records)
        // What is refused was refused before, and kept nobody from the queue.
        if gone.exchanges.contains(where: \.autoDelete) { _ = try Self.declare(gone, on: connection) { false } }
        let name = try queue.declare(on: channel)
        for binding in bindings { try Self.declare(binding, on: channel) }
        return name
    }

    /// Exchanges, and those they receive from, with the bindings between them.
    private static func sources(of names: [String], _ records: Records) -> Records {
        var (found, open) = (Set<String>(), names)
        while let name = open.popLast() {
            guard found.insert(name).inserted else { continue }
            open += records.exchangeBindings.filter { $0.destination == name }.map(\.source)
        }
        var sources = Records()
        sources.exchanges = records.exchanges.filter { found.contains($0.name) }
        sources.exchangeBindings = records.exchangeBindings.filter { found.contains($0.destination) }
        return sources
    }

    private static func declare(_ binding: ExchangeBinding, on channel: Channel) throws(AMQPError) {
        try channel.bindExchange(
            binding.destination,
            to: binding.source,
            routingKey: binding.routingKey,
            arguments: binding.arguments
        )
    }

    private static func declare(_ exchange: Exchange, on channel: Channel) throws(AMQPError) {
        try channel.declareExchange(
            exchange.name,
            type: exchange.type,
            durable: exchange.durable,
            autoDelete: exchange.autoDelete,
            internal: exchange.isInternal,
            arguments: exchange.arguments
        )
    }

    private static func declare(_ binding: QueueBinding, on channel: Channel) throws(AMQPError) {
        guard let queue = binding.queue.name else {
            throw AMQPError(.refusedLocally, scope: .call, text: "its queue could not be declared")
        }
        try channel.bindQueue(
            queue,
            to: binding.exchange,
            routingKey: binding.routingKey,
            arguments: binding.arguments
        )
    }
}
