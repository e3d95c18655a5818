import AMQPBroker
import AMQPWire

/// A script with what the embedded broker makes of it.
struct Script: Sendable {
    /// What there is to see.
    struct Outcome: Sendable {
        /// By each connection, without what may differ.
        let expected: [Normal]
        /// The queues afterwards.
        let queues: [String: QueueLook]
        /// Those that were there before.
        let gone: [String]

        init(_ expected: [Normal], _ queues: [String: QueueLook], before: [String: QueueLook]) {
            self.expected = expected
            self.queues = queues
            self.gone = before.keys.filter { queues[$0] == nil }.sorted()
        }
    }
    struct Played: Sendable {
        let step: ScriptStep
        let outcome: Outcome
        /// Channels that the broker has closed; 0 for the connection.
        let closed: [Set<UInt16>]
        /// When those are open again, if that shows: what they held has gone back, and to others.
        var reopened: Outcome?
    }
    let seed: UInt64
    let steps: [Played]
    /// What has to be removed in the end.
    let queues: [String]
    let exchanges: [String]
    /// Whether connections have queues of their own, that end with them.
    let hasExclusive: Bool

    static let clients = 2

    /// Makes the script of a seed.
    init(_ seed: UInt64, _ profile: Profile) throws {
        self.seed = seed
        var maker = ScriptMaker(seed)
        var side = try EmbeddedSide(profile, clients: Self.clients)
        var confirms: [[UInt16: ConfirmNumbers]] = Array(repeating: [:], count: Self.clients)
        var steps: [Played] = []
        var before: [String: QueueLook] = [:]
        while let step = maker.next() {
            switch step.action {
            case .send: try side.send(try step.octets(), on: step.connection)
            case .wait(let milliseconds): try side.wait(milliseconds)
            case .cut:
                try side.cut(step.connection)
                confirms[step.connection] = [:]
                maker.forget(step.connection)
            }
            let seen = side.takeSeen()
            let closed = seen.map { all in Set(all.compactMap(Self.closedChannel)) }
            if Self.isRace(seen) { break }
            var expected: [Normal] = []
            for index in seen.indices { expected.append(Normal(seen[index], &confirms[index])) }
            let outcome = Outcome(expected, side.queues(), before: before)
            before = outcome.queues
            steps.append(Played(step: step, outcome: outcome, closed: closed))
            for (index, all) in seen.enumerated() { maker.learn(index, all) }
            if closed.contains(where: { $0.contains(0) }) { break }
            for (index, channels) in closed.enumerated() {
                for channel in channels.sorted() {
                    try side.send(try Wire.reopen(channel), on: index)
                    confirms[index][channel] = nil
                }
            }
            if case .send(let parts) = step.action, parts.last?.method.id == .channelClose,
                closed[step.connection].isEmpty
            {
                try side.send(try Wire.open(step.channel), on: step.connection)
                confirms[step.connection][step.channel] = nil
            }
            let others = Self.others(side.takeSeen(), step, closed)
            if Self.isRace(others) { break }
            for (index, all) in others.enumerated() { maker.learn(index, all) }
            let queues = side.queues()
            guard others.contains(where: { !$0.isEmpty }) || queues != outcome.queues else { continue }
            expected = []
            for index in others.indices { expected.append(Normal(others[index], &confirms[index])) }
            steps[steps.count - 1].reopened = Outcome(expected, queues, before: before)
            before = queues
        }
        self.steps = steps
        self.queues = maker.queues + [maker.prefix + "none"]
        self.exchanges = maker.exchanges + [maker.prefix + "e", maker.prefix + "none"]
        self.hasExclusive = maker.hasExclusive
    }

    /// What came on channels that were not opened again after a step.
    private static func others(_ seen: [[Seen]], _ step: ScriptStep, _ closed: [Set<UInt16>]) -> [[Seen]] {
        seen.enumerated().map { index, all in
            all.filter { one in
                let isStep = index == step.connection && one.channel == step.channel
                return !closed[index].contains(one.channel) && !(isStep && one.method.id == .channelOpenOk)
            }
        }
    }

    private static func closedChannel(_ seen: Seen) -> UInt16? {
        switch seen.method {
        case .connectionClose: 0
        case .channelClose: seen.channel
        default: nil
        }
    }

    /// Deliveries of more than one consumer on one channel: RabbitMQ's queues do not wait for each other.
    private static func isRace(_ seen: [[Seen]]) -> Bool {
        seen.contains { all in
            var consumers: [UInt16: String] = [:]
            return all.contains { one in
                guard case .basicDeliver(let deliver) = one.method else { return false }
                let known = consumers.updateValue(deliver.consumerTag, forKey: one.channel)
                return known != nil && known != deliver.consumerTag
            }
        }
    }

    /// The script for people, up to a step.
    func text(through last: Int) -> String {
        self.steps[...last].enumerated().map { "\($0.offset + 1). \($0.element.step)" }.joined(separator: "\n")
    }
}
