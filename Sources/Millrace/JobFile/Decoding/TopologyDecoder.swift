/// Reads `exchanges` and `queues`.
struct TopologyDecoder {
    /// What was read, and where exchanges are spoken of, for the cross checks.
    struct Topology {
        var exchanges: [ExchangeDefinition] = []
        var queues: [QueueDefinition] = []
        var exchangeMentions: [Located<String>] = []
        /// Where each queue's `dead_letter` stands.
        var deadLetters: [String: SourceSpan] = [:]
    }

    let log: DiagnosticLog
    private(set) var topology = Topology()
    private var values: ValueTreeDecoder { ValueTreeDecoder(log: self.log) }

    init(log: DiagnosticLog) {
        self.log = log
    }

    mutating func decode(_ root: MappingReader) -> Topology {
        for pair in self.entries("exchanges", root) { self.decodeExchange(pair) }
        for pair in self.entries("queues", root) { self.decodeQueue(pair) }
        return self.topology
    }

    private func entries(_ key: String, _ root: MappingReader) -> [YAMLPair] {
        guard let node = root.node(key) else { return [] }
        let pairs = MappingReader.pairs(of: node, subject: "'\(key)'", log: self.log) ?? []
        return pairs.filter { isName($0.key, at: $0.keySpan, what: "a name in '\(key)'", log: self.log) }
    }

    private mutating func decodeExchange(_ pair: YAMLPair) {
        let subject = "exchange \(quoted(pair.key))"
        guard let reader = MappingReader(pair.value, .exchange, subject: subject, span: pair.keySpan, log: self.log)
        else { return }
        self.topology.exchanges.append(
            ExchangeDefinition(
                name: pair.key,
                declare: reader.choice("declare", DeclareMode.self)?.value ?? .active,
                type: self.exchangeType(reader) ?? "direct",
                durable: reader.bool("durable")?.value ?? true,
                autoDelete: reader.bool("auto_delete")?.value ?? false,
                internal: reader.bool("internal")?.value ?? false,
                arguments: self.values.arguments(reader),
                bindings: self.bindings(reader),
                location: self.log.source.location(of: pair.keySpan)
            )
        )
    }

    private func exchangeType(_ reader: MappingReader) -> String? {
        guard let type = reader.name("type") else { return nil }
        let known = ["direct", "fanout", "topic", "headers"]
        if known.contains(type.value) || type.value.hasPrefix("x-") { return type.value }
        reader.reportUnknown("type", type, known)
        return nil
    }

    private mutating func bindings(_ owner: MappingReader) -> [Binding] {
        var bindings: [Binding] = []
        for item in owner.list("bindings") {
            let subject = "a binding of \(owner.subject)"
            let start = SourceSpan(start: item.span.start, end: item.span.start + 1)
            guard let reader = MappingReader(item, .binding, subject: subject, span: start, log: self.log) else {
                continue
            }
            let routingKey = reader.name("routing_key", isEmptyAllowed: true)?.value ?? ""
            let arguments = self.values.arguments(reader)
            guard let exchange = reader.name("exchange") else { continue }
            self.topology.exchangeMentions.append(exchange)
            bindings.append(
                Binding(
                    exchange: exchange.value,
                    routingKey: routingKey,
                    arguments: arguments,
                    location: self.log.source.location(of: item.span)
                )
            )
        }
        return bindings
    }

    private mutating func decodeQueue(_ pair: YAMLPair) {
        let subject = "queue \(quoted(pair.key))"
        guard let reader = MappingReader(pair.value, .queue, subject: subject, span: pair.keySpan, log: self.log)
        else { return }
        let type = reader.choice(
            "type",
            QueueDefinition.QueueType.self,
            notYet: ["stream": "use classic or quorum"]
        )
        let durable = reader.bool("durable")
        let exclusive = reader.bool("exclusive")
        let autoDelete = reader.bool("auto_delete")
        if type?.value == .quorum {
            self.refuse(exclusive, if: true, "a quorum queue cannot be exclusive")
            self.refuse(autoDelete, if: true, "a quorum queue cannot be deleted by itself")
            self.refuse(durable, if: false, "a quorum queue is always durable")
        }
        self.checkTransient(pair.key, durable, exclusive, type)
        self.checkArguments(reader)
        let overflow = reader.choice("overflow", QueueDefinition.Overflow.self)
        let maxPriority = reader.int("max_priority", in: 1...255)
        let deliveryLimit = self.deliveryLimit(reader)
        if type?.value == .quorum {
            self.refuse(maxPriority?.span, "a quorum queue has no max_priority", "or use type: classic")
            if overflow?.value == .rejectPublishDLX {
                self.refuse(
                    overflow?.span,
                    "a quorum queue can not dead-letter what it refuses",
                    "write reject-publish"
                )
            }
        } else {
            self.refuse(deliveryLimit?.span, "a classic queue counts no deliveries", "use type: quorum")
        }
        self.topology.queues.append(
            QueueDefinition(
                name: pair.key,
                declare: reader.choice("declare", DeclareMode.self)?.value ?? .active,
                onMismatch: reader.choice("on_mismatch", QueueDefinition.MismatchAction.self)?.value ?? .fail,
                type: type?.value,
                durable: durable?.value ?? true,
                exclusive: exclusive?.value ?? false,
                autoDelete: autoDelete?.value ?? false,
                arguments: self.values.arguments(reader),
                bindings: self.bindings(reader),
                deadLetter: self.deadLetter(pair.key, reader),
                messageTTL: reader.duration("message_ttl", in: .zero ... .milliseconds(4_294_967_295))?.value,
                maxLength: reader.int("max_length", in: 1...Int.max)?.value,
                maxLengthBytes: reader.int("max_length_bytes", in: 1...Int.max)?.value,
                overflow: overflow?.value,
                maxPriority: maxPriority?.value,
                singleActiveConsumer: reader.bool("single_active_consumer")?.value ?? false,
                deliveryLimit: deliveryLimit?.value,
                expires: reader.duration("expires", in: .milliseconds(1) ... .milliseconds(4_294_967_295))?.value,
                location: self.log.source.location(of: pair.keySpan)
            )
        )
    }

    /// Newer brokers do not take it, and a refused one ends the connection.
    private func checkTransient(
        _ name: String,
        _ durable: Located<Bool>?,
        _ exclusive: Located<Bool>?,
        _ type: Located<QueueDefinition.QueueType>?
    ) {
        guard let durable, !durable.value, exclusive?.value != true, type?.value != .quorum else { return }
        self.log.warning(
            .transientQueue,
            durable.span,
            "queue \(quoted(name)) is neither durable nor exclusive: RabbitMQ 4.3 can refuse such queues (541), and its"
                + " jobs fail then",
            help: "leave 'durable' out, or write exclusive: true"
        )
    }

    /// From 1, or -1 for none.
    private func deliveryLimit(_ reader: MappingReader) -> Located<Int>? {
        guard let limit = reader.int("delivery_limit", in: QueueDefinition.unlimitedDeliveries...Int(Int32.max)) else {
            return nil
        }
        if limit.value != 0 { return limit }
        self.log.error(.outOfRange, limit.span, "'delivery_limit' cannot be '0'", help: "from 1, or -1 for no limit")
        return nil
    }

    private func refuse(_ flag: Located<Bool>?, if value: Bool, _ message: String) {
        if let flag, flag.value == value { self.log.error(.conflict, flag.span, message, help: "or use type: classic") }
    }

    private func refuse(_ span: SourceSpan?, _ message: String, _ help: String) {
        if let span { self.log.error(.conflict, span, message, help: help) }
    }

    /// An argument that has a key of its own: it would be sent twice, or against the key.
    private func checkArguments(_ reader: MappingReader) {
        let keys = [
            "x-queue-type": "type", "x-dead-letter-exchange": "dead_letter", "x-message-ttl": "message_ttl",
            "x-dead-letter-routing-key": "dead_letter", "x-max-length": "max_length",
            "x-max-length-bytes": "max_length_bytes", "x-overflow": "overflow", "x-max-priority": "max_priority",
            "x-single-active-consumer": "single_active_consumer", "x-delivery-limit": "delivery_limit",
            "x-expires": "expires",
        ]
        guard case .mapping(let pairs) = reader.node("arguments")?.content else { return }
        for pair in pairs {
            guard let key = keys[pair.key] else { continue }
            let message = "\(quoted(pair.key)) is written '\(key)', beside 'arguments'"
            self.log.error(.conflict, pair.keySpan, message)
        }
    }

    private mutating func deadLetter(_ name: String, _ queue: MappingReader) -> DeadLetter? {
        guard let reader = queue.mapping("dead_letter", .deadLetter) else { return nil }
        self.topology.deadLetters[name] = reader.span
        let exchange = reader.name("exchange", isEmptyAllowed: true)
        let routingKey = reader.name("routing_key")
        if let exchange, !exchange.value.isEmpty { self.topology.exchangeMentions.append(exchange) }
        if (exchange?.value ?? "").isEmpty, reader.node("routing_key") == nil {
            self.log.error(
                .conflict,
                exchange?.span ?? reader.span,
                "'dead_letter' names no target: the default exchange needs a routing_key, the queue's name"
            )
        }
        return DeadLetter(
            exchange: exchange?.value ?? "",
            routingKey: routingKey?.value,
            location: self.log.source.location(of: reader.span)
        )
    }
}
