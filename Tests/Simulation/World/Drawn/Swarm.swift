/// What one seed draws before anything happens: how many there are of each, and what the world is like.
///
/// Each seed has other faults switched on: a bug that needs many of one kind is not hidden by all the others.
package struct Swarm: Codable, Equatable, Sendable {
    /// How the octets of a pipe are cut.
    package enum Pieces: String, Codable, CaseIterable, Sendable { case whole, large, small, octets }
    /// What a worker does with its outputs.
    package enum Mode: String, Codable, CaseIterable, Sendable { case plain, confirm, transaction }

    /// Of all that is drawn while it runs.
    package var seed: UInt64
    package var profile: String
    /// Connections.
    package var clients: Int
    /// Channels that publish, of each client.
    package var publishers: Int
    /// The channels that consume, of each client.
    package var workers: [Mode]
    package var prefetch: Int
    /// Acks that may wait for one frame.
    package var ackBatch: Int
    /// Deliveries of a worker without outputs that one ack settles.
    package var together: Int
    /// Messages that a handler publishes, at most.
    package var outputs: Int
    package var handlerMilliseconds: Int
    /// Of a hundred handlings, those that end without an ack.
    package var failures: Int
    /// A worker begins with what came last.
    package var takesLast: Bool
    package var quorum: Bool
    /// Octets of a body, at most.
    package var bodyOctets: Int
    package var pieces: Pieces
    /// From one end of a pipe to the other.
    package var latencyMilliseconds: Int
    package var jitterMilliseconds: Int
    /// Of a hundred writes, those that find the socket full.
    package var fullSocket: Int
    package var highWater: Int
    package var heartbeatSeconds: Int
    /// Channels that a connection may have beyond those that it needs.
    package var spareChannels: Int
    /// The last decision comes before.
    package var horizonMilliseconds: Int
    package var decisions: Int
    /// What may go wrong at all.
    package var faults: [Decision.What]

    package init(seed: UInt64) {
        var chance = Chance(seed)
        self.seed = chance.next()
        self.profile = chance.one(of: ["3.10", "3.10", "4.0", "4.3"])
        self.clients = 1 + chance.below(3)
        self.publishers = 1 + chance.below(2)
        self.workers = []
        for _ in 0...chance.below(3) { self.workers.append(chance.one(of: Mode.allCases)) }
        self.prefetch = chance.one(of: [1, 2, 3, 8, 50])
        self.ackBatch = chance.one(of: [1, 1, 3, 8])
        self.together = chance.one(of: [1, 1, 4])
        self.outputs = chance.below(4)
        self.handlerMilliseconds = chance.one(of: [0, 1, 20, 400])
        self.failures = chance.one(of: [0, 10, 40])
        self.takesLast = chance.percent(30)
        self.quorum = self.profile == "3.10" && chance.percent(30)
        self.bodyOctets = chance.one(of: [16, 100, 100, 9000])
        self.pieces = chance.one(of: [.whole, .whole, .large, .small, .small, .octets])
        self.latencyMilliseconds = chance.one(of: [0, 1, 5, 40])
        self.jitterMilliseconds = chance.one(of: [0, 0, 1, 30])
        self.fullSocket = chance.one(of: [0, 0, 10, 50])
        self.highWater = chance.one(of: [0, 400, 1 << 16])
        self.heartbeatSeconds = chance.one(of: [0, 1, 2, 10])
        self.spareChannels = chance.below(3)
        self.horizonMilliseconds = chance.one(of: [300, 2000, 8000])
        self.decisions = 3 + chance.below(28)
        var faults: [Decision.What] = []
        let share = chance.one(of: [10, 30, 60])
        for fault in Decision.What.allCases where fault.isFault && chance.percent(share) { faults.append(fault) }
        self.faults = faults
    }
}
