import AMQPBroker
import AMQPClient
import AMQPWire
import Glibc
import Testing
import TestSupport

/// The same scripts for the embedded broker and for a RabbitMQ: what clients see is the same, channel by channel.
///
/// `MILLRACE_SCRIPTS` is how many, and without it none: not every difference is found yet. A script that failed is played
/// again by its seed.
@Suite(.enabled(if: Broker.uri != nil && getenv("MILLRACE_SCRIPTS") != nil, "needs AMQP_URL and MILLRACE_SCRIPTS"))
struct DifferentialTests {
    private static let scripts = getenv("MILLRACE_SCRIPTS").flatMap { Int(String(cString: $0)) } ?? 10
    private static let steps = 40

    @Test func `clients see the same of both, channel by channel`() async throws {
        let differences = try await OwnThread.run { try Self.compare() }
        #expect(differences.isEmpty, "\(differences.joined(separator: "\n\n"))")
    }

    private static func compare() throws -> [String] {
        let endpoint = try Broker.endpoint()
        let greeting = try RawClient(greetedBy: endpoint).greeting.serverProperties
        let version = greeting["version"]?.stringValue ?? ""
        let release = version.split(separator: ".").prefix(2).joined(separator: ".")
        let profile = try #require(Profile.of(release), "no profile of RabbitMQ \(version)")
        var seeds = Seed()
        var differences: [String] = []
        for number in 0..<self.scripts {
            let seed = number == 0 ? seeds : Seed(seeds.next())
            if let difference = try Self.play(seed, profile, endpoint) { differences.append(difference) }
            if differences.count == 5 { break }
        }
        return differences
    }

    /// - Returns: Where the two part ways.
    private static func play(_ seed: Seed, _ profile: Profile, _ endpoint: Endpoint) throws -> String? {
        let (embedded, real) = (EmbeddedSide(profile), try RealSide(endpoint))
        var script = RandomScript(seed)
        var past: [String] = []
        for side in [embedded, real] as [any ScriptSide] { for _ in 0..<2 { try side.open() } }
        defer { try? Self.clean(script.queues, endpoint) }
        let opening = script.opening()
        for number in 0..<opening.count + Self.steps {
            let step = number < opening.count ? opening[number] : script.next()
            past.append("\(step)")
            let octets = try step.octets()
            for side in [embedded, real] as [any ScriptSide] { try side.send(octets, on: step.connection) }
            // A channel that the client has closed is opened again.
            if case .channelClose = step.method { try Self.reopen(step, embedded, real) }
            let ours = try embedded.settle(script.queues)
            var theirs = try real.settle(script.queues)
            var difference = try Self.difference(ours, theirs, embedded, real, script.queues)
            // What a channel held comes back in its own time (C58).
            for _ in 0..<200 where difference != nil {
                try real.pause()
                for (index, more) in try real.settle(script.queues).enumerated() { theirs[index] += more }
                difference = try Self.difference(ours, theirs, embedded, real, script.queues)
            }
            if let difference {
                return "\(seed.replay), step \(past.count)\n\(past.joined(separator: "\n"))\n\(difference)"
            }
            for (connection, seen) in ours.enumerated() { script.learn(connection, seen) }
            if theirs.joined().contains(where: { $0.method.id == .connectionClose }) { return nil }
            for (connection, seen) in theirs.enumerated() {
                for closed in seen where closed.method.id == .channelClose {
                    let answer = try Octets.method(ChannelCloseOk(), on: closed.channel)
                    let open = try Octets.method(ChannelOpen(), on: closed.channel)
                    try embedded.send(answer + open, on: connection)
                    try real.send(answer + open, on: connection)
                    real.reopened(connection, closed.channel)
                }
            }
        }
        return nil
    }

    private static func reopen(_ step: ScriptStep, _ embedded: EmbeddedSide, _ real: RealSide) throws {
        // Its answer has to come first: that is the client's part.
        let open = try Octets.method(ChannelOpen(), on: step.channel)
        try embedded.send(open, on: step.connection)
        try real.awaitCloseOk(step.connection, step.channel)
        try real.send(open, on: step.connection)
    }

    private static func clean(_ queues: [String], _ endpoint: Endpoint) throws {
        let client = try RawClient(endpoint)
        try client.open(1)
        for queue in queues { try client.ask(QueueDelete(queue: queue), QueueDeleteOk.self, on: 1) }
        for name in ["x", "y"] {
            let prefix = queues[0].dropLast()
            try client.ask(ExchangeDelete(exchange: prefix + name), ExchangeDeleteOk.self, on: 1)
        }
    }

    /// In what clients see, or in what queues hold.
    private static func difference(
        _ ours: [[Seen]],
        _ theirs: [[Seen]],
        _ embedded: EmbeddedSide,
        _ real: RealSide,
        _ queues: [String]
    ) throws -> String? {
        for connection in ours.indices {
            let (one, other) = (Normal(ours[connection]), Normal(theirs[connection]))
            if one != other { return "connection \(connection)\nembedded: \(one)\nRabbitMQ: \(other)" }
        }
        for queue in queues {
            let (one, other) = (try embedded.look(queue), try real.look(queue))
            if one != other { return "\(queue)\nembedded: \(one)\nRabbitMQ: \(other)" }
        }
        return nil
    }
}

/// What is seen on a connection, without what may differ: by channel, confirms as numbers, no times.
struct Normal: Equatable, CustomStringConvertible {
    private var seen: [UInt16: [String]] = [:]
    private var confirmed: [UInt16: [String]] = [:]

    init(_ all: [Seen]) {
        for one in all {
            switch one.method {
            case .basicAck(let ack): self.confirmed[one.channel, default: []].append("ack \(ack.deliveryTag)")
            case .basicNack(let nack): self.confirmed[one.channel, default: []].append("nack \(nack.deliveryTag)")
            default: self.seen[one.channel, default: []].append(Self.text(one))
            }
        }
    }

    private static func text(_ seen: Seen) -> String {
        guard !seen.header.isEmpty else { return "\(seen.method)" }
        var properties = seen.properties
        if let deaths = properties.headers?["x-death"]?.arrayValue {
            properties.headers?["x-death"] = .array(
                deaths.map { death in
                    guard var table = death.tableValue else { return death }
                    table["time"] = .timestamp(0)
                    return .table(table)
                }
            )
        }
        return "\(seen.method) \(seen.body) \(properties)"
    }

    var description: String {
        let channels = Set(self.seen.keys).union(self.confirmed.keys).sorted()
        return channels.map { channel in
            "channel \(channel): "
                + ((self.seen[channel] ?? []) + (self.confirmed[channel] ?? [])).joined(separator: "; ")
        }.joined(separator: " | ")
    }
}
