import AMQPBroker
import AMQPWire

/// Plays the scripts of seeds to the embedded broker and to a RabbitMQ, and says where they part ways.
public final class DifferentialPlayer {
    /// What has come of the scripts so far.
    public struct Tally: Sendable {
        /// Played.
        public var scripts = 0
        /// Of all of them.
        public var steps = 0
        /// The texts of the scripts that RabbitMQ itself did not play the same way twice, and once as the embedded broker.
        public var uneven: [String] = []
        /// The texts of the scripts that differed.
        public var differences: [String] = []
    }
    private let real: RealSide
    private let profile: Profile
    /// What has come of it.
    public private(set) var tally = Tally()

    /// - Parameter port: Of a RabbitMQ on the loopback interface.
    /// - Throws: If there is none, or none with a profile.
    public init(port: UInt16) throws {
        self.real = try RealSide(port)
        let release = self.real.version.split(separator: ".").prefix(2).joined(separator: ".")
        guard let profile = Profile.of(release) else {
            throw RealFailure(description: "no profile for RabbitMQ \(self.real.version)")
        }
        self.profile = profile
    }

    /// Plays the script of a seed; where it differs again and again that is a difference.
    ///
    /// A try that took so long that messages and queues of the real broker may have expired says nothing.
    public func play(_ seed: UInt64) throws {
        let script = try Script(seed, self.profile)
        self.tally.scripts += 1
        self.tally.steps += script.steps.count
        var found: [String] = []
        var isAlike = false
        for _ in 0..<12 where found.count < 4 && !isAlike {
            switch try self.run(script) {
            case .same: isAlike = true
            case .late: continue
            case .different(let text): found.append(text)
            }
        }
        if found.isEmpty, isAlike { return }
        let text = "seed \(seed)\n\(found.last ?? "too slow each time")"
        if found.count == 4 { self.tally.differences.append(text) } else { self.tally.uneven.append(text) }
    }

    private enum Verdict {
        case same
        /// It differed, behind its time.
        case late
        case different(String)
    }

    /// What expires in a script has 900 milliseconds.
    private static let patience: UInt64 = 600

    private func run(_ script: Script) throws -> Verdict {
        let began = RealSide.milliseconds()
        var waited: UInt64 = 0
        var confirms: [[UInt16: ConfirmNumbers]] = Array(repeating: [:], count: Script.clients)
        var found = Verdict.same
        for (number, played) in script.steps.enumerated() {
            if case .cut = played.step.action { confirms[played.step.connection] = [:] }
            if case .wait(let milliseconds) = played.step.action { waited += milliseconds }
            let early = Self.early(played, confirms)
            try self.real.play(played)
            let isLate = RealSide.milliseconds() - began > waited + Self.patience
            var text = try self.difference(played.outcome, &confirms, early)
            if text == nil, !played.closed.contains(where: { $0.contains(0) }) {
                text = try self.reopen(played, &confirms)
            }
            guard let text else { continue }
            found = isLate ? .late : .different("\(script.text(through: number))\n\(text)")
            break
        }
        var anew = script.hasExclusive || script.steps.last?.closed.contains { $0.contains(0) } ?? false
        if case .same = found {} else { anew = true }
        try self.real.clean(script, anew: anew)
        return found
    }

    /// Opens again what the step has closed.
    private func reopen(_ played: Script.Played, _ confirms: inout [[UInt16: ConfirmNumbers]]) throws -> String? {
        try self.real.reopen(played)
        for (index, channels) in played.closed.enumerated() {
            for channel in channels { confirms[index][channel] = nil }
        }
        if case .send(let parts) = played.step.action, parts.last?.method.id == .channelClose {
            confirms[played.step.connection][played.step.channel] = nil
        }
        guard let outcome = played.reopened else { return nil }
        return try self.difference(outcome, &confirms, [:])
    }

    /// The numbers of publishes in one write with one for which the channel was closed.
    private static func early(
        _ played: Script.Played,
        _ confirms: [[UInt16: ConfirmNumbers]]
    ) -> [Int: [UInt16: ClosedRange<UInt64>]] {
        let (connection, channel) = (played.step.connection, played.step.channel)
        guard case .send(let parts) = played.step.action, played.closed[connection].contains(channel), parts.count > 1
        else { return [:] }
        let through = confirms[connection][channel]?.through ?? 0
        return [connection: [channel: through + 1...through + UInt64(parts.count) - 1]]
    }

    /// Waits until RabbitMQ shows what is expected; what it shows instead, if it does not.
    private func difference(
        _ outcome: Script.Outcome,
        _ confirms: inout [[UInt16: ConfirmNumbers]],
        _ early: [Int: [UInt16: ClosedRange<UInt64>]]
    ) throws -> String? {
        let names = outcome.queues.keys.sorted()
        var seen: [[Seen]] = Array(repeating: [], count: Script.clients)
        var (theirs, looks): ([Normal], [String: QueueLook]) = ([], [:])
        for round in 0..<100 {
            if round > 1 { self.real.pause() }
            looks = try self.real.settle(names, gone: outcome.gone)
            for (index, more) in self.real.takeSeen().enumerated() { seen[index] += more }
            var after = confirms
            theirs = seen.indices.map { Normal(seen[$0], &after[$0]) }
            let isSame = theirs.indices.allSatisfy {
                theirs[$0].agrees(with: outcome.expected[$0], early: early[$0] ?? [:])
            }
            if isSame, looks == outcome.queues {
                confirms = after
                return nil
            }
        }
        var lines: [String] = []
        for index in seen.indices where theirs[index] != outcome.expected[index] {
            lines.append("connection \(index)\nembedded: \(outcome.expected[index])\nRabbitMQ: \(theirs[index])")
        }
        for name in names + outcome.gone where looks[name] != outcome.queues[name] {
            let (one, other) = (outcome.queues[name], looks[name])
            lines.append(
                "\(name)\nembedded: \(one?.description ?? "none")\nRabbitMQ: \(other?.description ?? "none")"
            )
        }
        return lines.joined(separator: "\n")
    }
}
