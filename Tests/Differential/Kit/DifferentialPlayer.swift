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
        /// RabbitMQ itself did not do the same twice.
        public var uneven = 0
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

    /// Plays the script of a seed; where it differs again and again in the same way, that is a difference.
    public func play(_ seed: UInt64) throws {
        let script = try Script(seed, self.profile)
        self.tally.scripts += 1
        self.tally.steps += script.steps.count
        var found: [String] = []
        for _ in 0..<4 {
            guard let difference = try self.difference(script) else { break }
            found.append(difference.text)
        }
        guard let last = found.last else { return }
        if found.count == 4, found.allSatisfy({ $0 == last }) {
            self.tally.differences.append("seed \(seed)\n\(last)")
        } else {
            self.tally.uneven += 1
        }
    }

    private func difference(_ script: Script) throws -> (step: Int, text: String)? {
        var confirms: [[UInt16: ConfirmNumbers]] = Array(repeating: [:], count: Script.clients)
        var found: (step: Int, text: String)?
        for (number, played) in script.steps.enumerated() {
            if case .cut = played.step.action { confirms[played.step.connection] = [:] }
            if let text = try self.difference(played, &confirms) {
                found = (number, "\(script.text(through: number))\n\(text)")
                break
            }
            if played.closed.contains(where: { $0.contains(0) }) { break }
            try self.real.reopen(played)
            for (index, channels) in played.closed.enumerated() {
                for channel in channels { confirms[index][channel] = nil }
            }
            if case .send(let parts) = played.step.action, parts.last?.method.id == .channelClose {
                confirms[played.step.connection][played.step.channel] = nil
            }
        }
        let ends = script.steps.last?.closed.contains { $0.contains(0) } ?? false
        try self.real.clean(script, anew: ends || found != nil || script.hasExclusive)
        return found
    }

    /// Waits until RabbitMQ shows what is expected; what it shows instead, if it does not.
    private func difference(
        _ played: Script.Played,
        _ confirms: inout [[UInt16: ConfirmNumbers]]
    ) throws -> String? {
        try self.real.play(played)
        let names = played.queues.keys.sorted()
        var seen: [[Seen]] = Array(repeating: [], count: Script.clients)
        var (theirs, looks): ([Normal], [String: QueueLook]) = ([], [:])
        var after = confirms
        for round in 0..<100 {
            if round > 1 { self.real.pause() }
            looks = try self.real.settle(names)
            for (index, more) in self.real.takeSeen().enumerated() { seen[index] += more }
            after = confirms
            theirs = seen.indices.map { Normal(seen[$0], &after[$0]) }
            if theirs == played.expected, looks == played.queues {
                confirms = after
                return nil
            }
        }
        var lines: [String] = []
        for index in seen.indices where theirs[index] != played.expected[index] {
            lines.append("connection \(index)\nembedded: \(played.expected[index])\nRabbitMQ: \(theirs[index])")
        }
        for name in names where looks[name] != played.queues[name] {
            let (one, other) = (played.queues[name], looks[name])
            lines.append(
                "\(name)\nembedded: \(one?.description ?? "none")\nRabbitMQ: \(other?.description ?? "none")"
            )
        }
        return lines.joined(separator: "\n")
    }
}
