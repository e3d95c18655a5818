import AMQPWire

extension ScriptMaker {
    /// - Parameters:
    ///   - queue: The queue's name.
    ///   - odd: Also what is refused.
    /// - Returns: A declaration of a queue.
    mutating func declaration(of queue: String, odd: Bool) -> Method {
        if odd, self.draw.one(in: 5) {
            let name = self.draw.pick([queue, queue, "amq.mine", self.prefix + "none", ""])
            return .queueDeclare(
                QueueDeclare(queue: name, passive: self.draw.flip(), durable: true, exclusive: name.isEmpty)
            )
        }
        var arguments: FieldTable = [:]
        let isQuorum = self.hasQuorum && self.draw.flip()
        if isQuorum { arguments["x-queue-type"] = "quorum" }
        for _ in 0..<self.draw.below(3) {
            let (key, value) = self.argument(isQuorum: isQuorum)
            arguments[key] = value
        }
        if self.draw.flip() {
            arguments["x-dead-letter-exchange"] = .string(self.draw.pick(["", "", self.draw.pick(self.exchanges)]))
            if self.draw.flip() { arguments["x-dead-letter-routing-key"] = .string(self.draw.pick(self.queues)) }
        }
        if odd, self.draw.one(in: 6) {
            let (key, value) = self.oddArgument()
            arguments[key] = value
        }
        let isExclusive = !isQuorum && self.draw.one(in: 16)
        let isDurable = isQuorum || self.draw.flip()
        return .queueDeclare(
            QueueDeclare(
                queue: queue,
                durable: isDurable != (odd && self.draw.one(in: 24)),
                exclusive: isExclusive,
                autoDelete: !isQuorum && self.draw.one(in: 6),
                noWait: self.draw.one(in: 16),
                arguments: arguments
            )
        )
    }

    private mutating func argument(isQuorum: Bool) -> (String, FieldValue) {
        if isQuorum, self.draw.flip() { return ("x-delivery-limit", .int32(Int32(self.draw.below(3)))) }
        switch self.draw.below(isQuorum ? 5 : 8) {
        case 0: return ("x-max-length", .int32(Int32(self.draw.below(4))))
        case 1: return ("x-max-length-bytes", .int32(Int32(self.draw.below(30))))
        case 2: return ("x-overflow", .string(self.draw.pick(["drop-head", "reject-publish"])))
        case 3: return ("x-single-active-consumer", true)
        case 4: return ("x-message-ttl", .int32(self.draw.pick([0, 900, 900, 100_000])))
        case 5: return ("x-max-priority", .int32(Int32(1 + self.draw.below(5))))
        case 6: return ("x-expires", .int32(self.draw.pick([1_100, 100_000])))
        default: return ("x-overflow", "reject-publish-dlx")
        }
    }

    private mutating func oddArgument() -> (String, FieldValue) {
        let key = self.draw.pick([
            "x-max-length", "x-message-ttl", "x-expires", "x-overflow", "x-dead-letter-exchange", "x-max-priority",
            "x-dead-letter-routing-key", "x-single-active-consumer", "x-queue-type", "x-queue-mode", "x-odd",
            "x-max-length-bytes", "x-delivery-limit", "x-max-in-memory-length", "x-queue-leader-locator",
            "x-quorum-initial-group-size", "x-max-age", "x-initial-cluster-size",
        ])
        let value: FieldValue = self.draw.pick([
            -1, "text", true, .double(1.5), 0, .int64(9), 300, .void, .array([1]), .timestamp(5), .table(["a": 1]),
            "quorum", .uint8(3), .int16(2),
        ])
        // What is over in a few milliseconds is here now and gone then.
        let isTime = key == "x-expires" || key == "x-message-ttl"
        return isTime && value.intValue ?? 0 > 0 ? (key, .uint32(90_000)) : (key, value)
    }

    /// A declaration of an exchange.
    mutating func declaration(ofExchange exchange: String, odd: Bool) -> Method {
        var arguments: FieldTable = [:]
        if self.draw.one(in: 3) {
            arguments["alternate-exchange"] =
                odd && self.draw.one(in: 8)
                ? .int32(3) : .string(self.draw.pick(self.exchanges + ["amq.fanout", self.prefix + "none"]))
        }
        if odd, self.draw.one(in: 12) { arguments["x-odd"] = 1 }
        let type =
            exchange.hasSuffix("h") && !self.draw.one(in: 6)
            ? "headers" : self.draw.pick(["direct", "fanout", "topic"])
        return .exchangeDeclare(
            ExchangeDeclare(
                exchange: odd && self.draw.one(in: 12)
                    ? self.draw.pick(["amq.topic", "amq.none", "", self.prefix + "none"]) : exchange,
                type: odd && self.draw.one(in: 6) ? self.draw.pick(["direct", "topic", "headers"]) : type,
                passive: odd && self.draw.one(in: 5),
                durable: self.draw.one(in: 3),
                autoDelete: self.draw.one(in: 6),
                internal: self.draw.one(in: 10),
                noWait: self.draw.one(in: 12),
                arguments: arguments
            )
        )
    }

    /// One of the script's, one that is always there, or one that is not.
    mutating func anyExchange() -> String {
        self.draw.pick(by: [
            (12, self.draw.pick(self.exchanges)), (1, "amq.direct"), (1, "amq.headers"), (1, ""),
            (1, self.prefix + "none"),
        ])
    }

    mutating func key() -> String {
        self.draw.pick(by: [
            (6, self.draw.pick(self.queues)), (1, "#"), (1, "*"), (1, "*.*.*"), (1, "#.a"), (1, ""),
            (1, "\(self.prefix)#"), (1, "k"), (1, "#.#"), (1, "*.#"),
        ])
    }

    mutating func binding(_ queue: String, _ exchange: String) -> QueueBind {
        let hasArguments = exchange.hasSuffix("h") || self.draw.one(in: 12)
        return QueueBind(
            queue: queue,
            exchange: exchange,
            routingKey: self.key(),
            noWait: self.draw.one(in: 16),
            arguments: hasArguments ? self.bindingArguments() : [:]
        )
    }

    mutating func bindingArguments() -> FieldTable {
        var arguments: FieldTable = [:]
        switch self.draw.below(10) {
        case 0...3: arguments["x-match"] = .string(self.draw.pick(["all", "any", "all-with-x", "any-with-x"]))
        case 4: arguments["x-match"] = self.draw.pick(["some", 1, true, .void])
        default: break
        }
        for _ in 0..<self.draw.below(3) {
            arguments[self.draw.pick(["k", "l", "x-k"])] = self.headerValue()
        }
        return arguments
    }

    mutating func headerValue() -> FieldValue {
        self.draw.pick([1, .int64(1), "1", true, .void, 2, .double(1), "x", .timestamp(1), .uint8(1)])
    }
}
