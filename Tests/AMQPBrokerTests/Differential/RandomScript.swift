import AMQPWire
import TestSupport

/// A step of a script: what one client sends on one channel.
struct ScriptStep: CustomStringConvertible {
    let connection: Int
    let channel: UInt16
    let method: Method
    var properties = BasicProperties()
    var body: [UInt8] = []

    var description: String {
        "connection \(self.connection), channel \(self.channel): \(self.method)"
            + (self.method.id == .basicPublish ? " \(self.body) \(self.properties)" : "")
    }

    func octets() throws -> [UInt8] {
        if case .basicPublish(let publish) = self.method {
            return try Octets.content(publish, self.body, on: self.channel, properties: self.properties)
        }
        var buffer = WireBuffer()
        try buffer.appendMethodFrame(self.method, channel: self.channel, frameMax: 1 << 20)
        return buffer.withUnsafeBytes { [UInt8]($0) }
    }
}

/// Steps out of a seed: names of its own, so that scripts do not meet.
struct RandomScript {
    private var seed: Seed
    private let prefix: String
    let queues: [String]
    private let exchanges: [String]
    private var body: UInt8 = 0
    /// The tags that a channel has seen, and where the step goes that is being made.
    private var tags: [Int: [UInt16: [UInt64]]] = [:]
    private var place: (connection: Int, channel: UInt16) = (0, 1)

    init(_ seed: Seed) {
        self.seed = seed
        self.prefix = "diff.\(seed.value)."
        self.queues = ["a", "b", "c", "dead"].map { [prefix] in prefix + $0 }
        self.exchanges = ["x", "y"].map { [prefix] in prefix + $0 }
    }

    private mutating func pick<T>(_ values: [T]) -> T { values[Int.random(in: 0..<values.count, using: &self.seed)] }
    private mutating func flip() -> Bool { Bool.random(using: &self.seed) }

    /// Mostly one that is there.
    private mutating func tag() -> UInt64 {
        let known = self.tags[self.place.connection]?[self.place.channel] ?? []
        if let tag = known.randomElement(using: &self.seed), self.pick([true, true, true, true, false]) {
            self.tags[self.place.connection]?[self.place.channel]?.removeAll { $0 == tag }
            return tag
        }
        return UInt64.random(in: 0...5, using: &self.seed)
    }

    /// What clients have seen so far.
    mutating func learn(_ connection: Int, _ seen: [Seen]) {
        for one in seen {
            switch one.method {
            case .basicDeliver(let deliver):
                self.tags[connection, default: [:]][one.channel, default: []].append(deliver.deliveryTag)
            case .basicGetOk(let got):
                self.tags[connection, default: [:]][one.channel, default: []].append(got.deliveryTag)
            case .channelClose, .channelCloseOk: self.tags[connection]?[one.channel] = []
            default: continue
            }
        }
    }

    /// What is there at the beginning.
    mutating func opening() -> [ScriptStep] {
        var methods = self.queues.map { self.declaration(of: $0) }
        for exchange in self.exchanges {
            let type = self.pick(["direct", "fanout", "topic"])
            methods.append(.exchangeDeclare(ExchangeDeclare(exchange: exchange, type: type)))
        }
        return methods.map { ScriptStep(connection: 0, channel: 1, method: $0) }
    }

    private mutating func declaration(of queue: String) -> Method {
        let dead: FieldTable = [
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(self.prefix + "dead"),
        ]
        var arguments: FieldTable = [:]
        switch Int.random(in: 0..<8, using: &self.seed) {
        case 0: arguments = ["x-max-length": 2]
        case 1: arguments = ["x-max-length": 2, "x-overflow": "reject-publish"]
        case 2: arguments = ["x-max-priority": 3]
        case 3: arguments = ["x-single-active-consumer": true]
        case 4: arguments = ["x-message-ttl": 0]
        case 5: arguments = ["x-dead-letter-exchange": .string(self.prefix + "x")]
        case 6: arguments = ["x-max-length": 1, "x-overflow": "reject-publish-dlx"]
        default: break
        }
        if self.flip() { for entry in dead.entries { arguments[entry.key] = entry.value } }
        return .queueDeclare(
            QueueDeclare(queue: queue, autoDelete: self.pick([false, false, false, true]), arguments: arguments)
        )
    }

    mutating func next() -> ScriptStep {
        let connection = self.pick([0, 0, 1])
        let channel: UInt16 = self.pick([1, 2])
        self.place = (connection, channel)
        var step = ScriptStep(connection: connection, channel: channel, method: self.method())
        if case .basicPublish = step.method {
            self.body &+= 1
            step.body = self.pick([[self.body], [self.body], [], Array(repeating: self.body, count: 20)])
            step.properties = self.properties()
        }
        return step
    }

    private mutating func properties() -> BasicProperties {
        var properties = BasicProperties(
            headers: self.pick([
                nil, ["h": 1], ["z": "1", "a": .array([1, "x"])], ["h": 2, "CC": [.string(self.pick(self.queues))]],
            ]),
            priority: self.pick([nil, 1, 2, 9])
        )
        if self.pick([false, false, false, true]) { properties.expiration = self.pick(["0", "60000", "x", "-1"]) }
        if self.pick([false, false, false, false, false, true]) { properties.userID = self.pick(["guest", "other"]) }
        return properties
    }

    private mutating func method() -> Method {
        let queue = self.pick(self.queues)
        switch Int.random(in: 0..<56, using: &self.seed) {
        case 0..<18:
            let exchange = self.pick([
                "", "", self.pick(self.exchanges), "amq.direct", self.pick(["", "", "", "none"]),
            ])
            return .basicPublish(BasicPublish(exchange: exchange, routingKey: queue, mandatory: self.flip()))
        case 18..<24: return .basicGet(BasicGet(queue: queue, noAck: self.flip()))
        case 24..<27:
            return .basicConsume(
                BasicConsume(
                    queue: queue,
                    consumerTag: self.pick(["c1", "c2", "c3", "c4", "c5", "c6", "c7"]),
                    noAck: self.pick([false, false, true]),
                    exclusive: self.pick([false, false, false, true])
                )
            )
        case 27..<33: return .basicAck(BasicAck(deliveryTag: self.tag(), multiple: self.flip()))
        case 33..<36:
            return .basicNack(BasicNack(deliveryTag: self.tag(), multiple: self.flip(), requeue: self.flip()))
        case 36..<38: return .basicReject(BasicReject(deliveryTag: self.tag(), requeue: self.flip()))
        case 38:
            return .basicRecover(BasicRecover(requeue: self.pick([true, true, true, true, true, true, true, false])))
        case 39..<41:
            return .basicQos(BasicQos(prefetchCount: UInt16.random(in: 0...3, using: &self.seed), global: self.flip()))
        case 41: return .basicCancel(BasicCancel(consumerTag: self.pick(["c1", "c2", "c3"])))
        default: return self.rarer(queue)
        }
    }

    private mutating func rarer(_ queue: String) -> Method {
        let exchange = self.pick([
            self.exchanges[0], self.exchanges[1], self.exchanges[0], "amq.direct", self.pick(["", "none"]),
        ])
        switch Int.random(in: 0..<16, using: &self.seed) {
        case 0: return self.pick([.confirmSelect(ConfirmSelect()), .txSelect(TxSelect())])
        case 1: return self.pick([.txCommit(TxCommit()), .txCommit(TxCommit()), .txRollback(TxRollback())])
        case 2: return .queuePurge(QueuePurge(queue: self.pick([queue, queue, ""])))
        case 3: return .queueDelete(QueueDelete(queue: queue, ifUnused: self.flip(), ifEmpty: self.flip()))
        case 4...6: return self.declaration(of: queue)
        case 7: return .queueDeclare(QueueDeclare(queue: self.pick([queue, "amq.mine"]), passive: self.flip()))
        case 8..<10:
            return .exchangeDeclare(
                ExchangeDeclare(
                    exchange: self.pick(self.exchanges),
                    type: self.pick(["direct", "fanout", "topic", "headers", self.pick(["direct", "fanout", "odd"])]),
                    passive: self.pick([false, false, true]),
                    durable: self.pick([false, false, false, true]),
                    autoDelete: self.pick([false, false, false, true])
                )
            )
        case 10..<12:
            return .queueBind(QueueBind(queue: queue, exchange: exchange, routingKey: self.pick([queue, "#", "*"])))
        case 12: return .queueUnbind(QueueUnbind(queue: queue, exchange: exchange, routingKey: queue))
        case 13:
            return .exchangeBind(
                ExchangeBind(destination: self.pick(self.exchanges), source: exchange, routingKey: queue)
            )
        case 14: return .exchangeDelete(ExchangeDelete(exchange: exchange, ifUnused: self.flip()))
        default: return .channelClose(ChannelClose(replyCode: 200, replyText: ""))
        }
    }
}
