/// When to try which broker, as a value: the time and the random numbers come in.
///
/// A round tries every endpoint once, in a new order each time, so that the clients of a broker that went down do not
/// all run to the same neighbour. Between rounds the backoff waits.
package struct RecoverySchedule: Sendable {
    private var endpointCount: Int
    private let shortestLife: UInt64
    private let mustConnectAtOnce: Bool
    private let givesUp: Bool
    private var backoff: Backoff
    private var round: [Int] = []
    private var notBefore: UInt64 = 0
    private var connectedAt: UInt64 = 0
    private var hasConnected = false
    private var refusal: AMQPError?

    /// A schedule that starts with an attempt.
    ///
    /// - Parameters:
    ///   - endpointCount: How many there are.
    ///   - settings: The waits between rounds.
    ///   - mustConnectAtOnce: Give up if the first round fails, whatever the reason.
    ///   - givesUp: Whether a refusal in the first round is the end; not where another connection has shown that user
    ///     and virtual host are right.
    package init(
        endpointCount: Int,
        settings: RecoverySettings,
        mustConnectAtOnce: Bool = false,
        givesUp: Bool = true
    ) {
        self.endpointCount = endpointCount
        self.shortestLife = settings.initialInterval.nanoseconds
        self.mustConnectAtOnce = mustConnectAtOnce
        self.givesUp = givesUp
        self.backoff = Backoff(settings)
    }

    package enum Step: Equatable, Sendable {
        /// Connect to the endpoint with this index.
        case attempt(Int)
        case wait(until: UInt64)
    }
    /// What to do now; an attempt must be answered by ``connected(now:)`` or `failed`.
    package mutating func next(now: UInt64, using generator: inout some RandomNumberGenerator) -> Step {
        if now < self.notBefore { return .wait(until: self.notBefore) }
        if self.round.isEmpty { self.round = (0..<self.endpointCount).shuffled(using: &generator) }
        guard let index = self.round.popLast() else { return .wait(until: .max) }
        return .attempt(index)
    }

    package enum FailedAction: Equatable, Sendable {
        case tryOn
        /// Nothing was ever reached, and the broker's refusal is none that time heals.
        case giveUp(AMQPError)
    }
    /// The attempt failed.
    package mutating func failed(
        _ error: AMQPError,
        now: UInt64,
        using generator: inout some RandomNumberGenerator
    ) -> FailedAction {
        if self.refusal == nil, !error.isTransient { self.refusal = error }
        guard self.round.isEmpty else { return .tryOn }
        if !self.hasConnected, self.givesUp {
            if let refusal = self.refusal { return .giveUp(refusal) }
            if self.mustConnectAtOnce { return .giveUp(error) }
        }
        self.pause(now, &generator)
        return .tryOn
    }

    /// The attempt succeeded.
    package mutating func connected(now: UInt64) {
        self.hasConnected = true
        self.connectedAt = now
        self.round = []
    }

    /// The connection ended.
    ///
    /// The next attempt is due at once, unless this one ended as soon as it was made: that is no success, and
    /// connecting again at once would go on for ever.
    package mutating func lost(now: UInt64, using generator: inout some RandomNumberGenerator) {
        if now &- self.connectedAt >= self.shortestLife {
            self.backoff.reset()
        } else {
            self.pause(now, &generator)
        }
    }

    /// Whether every endpoint was tried, and a wait is on.
    package var isRoundOver: Bool { self.round.isEmpty }

    /// The endpoints are others, or their users: what was refused says nothing about them.
    package mutating func renewed(endpointCount: Int) {
        self.endpointCount = endpointCount
        self.round = []
        self.refusal = nil
        self.notBefore = 0
    }

    private mutating func pause(_ now: UInt64, _ generator: inout some RandomNumberGenerator) {
        self.notBefore = now &+ self.backoff.next(random: Double.random(in: 0..<1, using: &generator))
    }
}
