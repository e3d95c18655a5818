/// One thing that somebody decides to do, or that goes wrong: all that a run has of its own, beside its swarm.
///
/// A run is its list of decisions. Each stands alone: one that is taken out changes none of the others.
package struct Decision: Codable, Equatable, Sendable {
    package enum What: String, Codable, CaseIterable, Sendable {
        /// `amount` messages for the workers.
        case publish
        /// `amount` messages that no queue takes, and that come back.
        case publishNowhere
        /// An owner closes its channel and opens another one.
        case closeChannel
        /// A client closes its connection and makes another one.
        case closeConnection

        /// The connection breaks behind that many octets more, on the way to the broker.
        case cutToBroker
        /// The same on the way to the client.
        case cutToClient
        /// One direction ends behind that many octets more; what goes the other way still arrives.
        case halfClose
        /// Nothing arrives either way for a while: a peer that is dead, until it is not.
        case freeze
        /// The client's process does not run for a while.
        case stall
        /// All that is sent arrives later by that much.
        case delay
        case brokerClosesChannel
        case brokerClosesConnection
        /// Both sides close the same channel at the same time.
        case closesCross
        /// The broker blocks who publishes, for a while.
        case block
        /// The broker stops and comes back with all that was in its queues.
        case restart
        /// The same, without what was not persistent.
        case restartBare
        case deleteQueue
        /// Confirms and returns come later, and then several by one frame.
        case withholdConfirms
        /// The broker refuses the next `amount` publishes.
        case refuseConfirms
        /// The broker's clock jumps.
        case clockJump

        /// Where it stands among all kinds.
        package var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }

        package var isFault: Bool {
            switch self {
            case .publish, .publishNowhere, .closeChannel, .closeConnection: false
            default: true
            }
        }
    }
    /// In milliseconds since the start.
    package var at: Int
    package var what: What
    /// Which client, counted round.
    package var client: Int
    /// Which of its channels, counted round.
    package var owner: Int
    package var amount: Int

    /// What a seed decides, in the order of the time.
    package static func draw(seed: UInt64, _ swarm: Swarm) -> [Decision] {
        var chance = Chance(Chance.of(seed, 1))
        let work: [What] = [.publish, .publish, .publish, .publish, .publishNowhere, .closeChannel, .closeConnection]
        var decisions: [Decision] = []
        for index in 0..<swarm.decisions {
            let isFault = index > 0 && !swarm.faults.isEmpty && chance.percent(45)
            decisions.append(
                Decision(
                    at: chance.below(swarm.horizonMilliseconds),
                    what: index == 0 ? .publish : chance.one(of: isFault ? swarm.faults : work),
                    client: chance.below(swarm.clients),
                    owner: chance.below(swarm.publishers + swarm.workers.count),
                    amount: 1 + chance.below(chance.one(of: isFault ? [3, 60, 1500] : [2, 10]))
                )
            )
        }
        // Of one time the first drawn comes first.
        return decisions.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
            .map(\.element)
    }
}
