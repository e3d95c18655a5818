import AMQPWire

/// Draws the steps of a script, with names of its own, so that scripts do not meet.
struct ScriptMaker: Sendable {
    enum Kind: CaseIterable, Sendable {
        case publish, burst, get, consume, ack, nack, reject, recover, qos, cancel, purge, deleteQueue, declareQueue
        case declareExchange, deleteExchange, bind, unbind, bindExchange, confirm, transaction, commit, closeChannel
        case wait, cut, offend

        var weight: Int {
            switch self {
            case .publish: 24
            case .get: 10
            case .consume, .ack: 9
            case .burst, .nack, .declareQueue, .bind: 5
            case .reject, .qos, .declareExchange, .bindExchange, .commit: 3
            case .cancel, .confirm, .recover, .transaction: 2
            case .purge, .deleteQueue, .deleteExchange, .unbind, .closeChannel, .wait, .cut, .offend: 1
            }
        }
    }
    var draw: Draw
    let prefix: String
    let queues: [String]
    let exchanges: [String]
    /// A script of quorum queues takes RabbitMQ ten times as long.
    let hasQuorum: Bool
    private(set) var hasExclusive = false
    private var weights: [(Int, Kind)] = []
    private var left: Int
    private var opening: [ScriptStep] = []
    var body: UInt8 = 0
    /// The tags that channels have seen.
    private var tags: [Int: [UInt16: [UInt64]]] = [:]

    init(_ seed: UInt64) {
        var draw = Draw(seed)
        let prefix = "d.\(String(seed, radix: 36))."
        self.prefix = prefix
        self.queues = ["a", "b", "c", "d"].map { prefix + $0 }
        self.exchanges = ["x", "y", "h"].map { prefix + $0 }
        self.hasQuorum = draw.one(in: 16)
        self.left = 4 + draw.below(28)
        // What one script does often another does not at all.
        for kind in Kind.allCases { self.weights.append((kind.weight * draw.pick([0, 1, 2, 2, 4]), kind)) }
        self.weights.append((4, .publish))
        self.draw = draw
        self.open()
    }

    /// What is there at the beginning.
    private mutating func open() {
        let count = 1 + self.draw.below(4)
        var methods = self.queues.prefix(count).map { self.declaration(of: $0, odd: false) }
        for exchange in self.exchanges.prefix(self.draw.below(4)) {
            methods.append(self.declaration(ofExchange: exchange, odd: false))
            methods.append(.queueBind(self.binding(self.queues[self.draw.below(count)], exchange)))
        }
        self.opening = methods.map { self.step(0, 1, .init(method: $0)) }
    }

    private func step(_ connection: Int, _ channel: UInt16, _ part: ScriptStep.Part) -> ScriptStep {
        ScriptStep(connection: connection, channel: channel, action: .send([part]))
    }

    /// The next step; nil at the end.
    mutating func next() -> ScriptStep? {
        if !self.opening.isEmpty {
            let step = self.opening.removeFirst()
            self.note(step)
            return step
        }
        guard self.left > 0 else { return nil }
        self.left -= 1
        let connection = self.draw.pick([0, 0, 1])
        let channel: UInt16 = self.draw.pick([1, 1, 2])
        var step: ScriptStep
        switch self.draw.pick(by: self.weights) {
        case .wait: step = ScriptStep(connection: connection, channel: channel, action: .wait(1_200))
        // Queues of their own go in their own time, and can not be looked at.
        case .cut where self.hasExclusive:
            step = ScriptStep(connection: connection, channel: channel, action: .wait(1_200))
        case .cut: step = ScriptStep(connection: connection, channel: channel, action: .cut)
        case .burst:
            let parts = self.burst()
            step = ScriptStep(connection: connection, channel: channel, action: .send(parts))
        case .publish: step = self.step(connection, channel, self.publish())
        case .consume: step = self.consumption()
        case let kind: step = self.step(connection, channel, .init(method: self.method(kind, connection, channel)))
        }
        step = self.owned(step)
        self.note(step)
        return step
    }

    private mutating func note(_ step: ScriptStep) {
        guard case .send(let parts) = step.action else { return }
        for case .queueDeclare(let declare) in parts.map(\.method) where declare.exclusive { self.hasExclusive = true }
    }

    /// Each queue has its channel, mostly: deliveries of several on one have no order.
    private mutating func consumption() -> ScriptStep {
        let place = self.draw.below(self.queues.count)
        let consume = self.consume(self.queues[place])
        if self.draw.one(in: 8) {
            return self.step(self.draw.below(2), UInt16(1 + self.draw.below(2)), .init(method: consume))
        }
        return self.step(place / 2, UInt16(1 + place % 2), .init(method: consume))
    }

    /// Mostly one that is there.
    mutating func tag(_ connection: Int, _ channel: UInt16) -> UInt64 {
        let known = self.tags[connection]?[channel] ?? []
        guard !known.isEmpty, !self.draw.one(in: 8) else { return UInt64(self.draw.below(6)) }
        let tag = self.draw.pick([known[0], known[known.count - 1], self.draw.pick(known)])
        self.tags[connection]?[channel]?.removeAll { $0 == tag }
        return tag
    }

    /// What clients have seen.
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

    /// A client has connected anew.
    mutating func forget(_ connection: Int) { self.tags[connection] = [:] }
}
