/// Keeps one connection up, as a value: when to connect, to which of the brokers, what to do about a login that is refused,
/// and when that is the end.
///
/// The supervisor's connection and each ``RecoveringConnection`` have one. Times are nanoseconds of the monotonic clock;
/// random numbers come in.
package struct ConnectionKeeper: Sendable {
    /// What whoever drives it does next.
    package enum Step: Equatable, Sendable {
        /// Connect to the endpoint with this index, and say what came of it.
        case connect(Int)
        /// User and password may be others by now: see, and call ``renewed(endpoints:now:using:)``.
        case renew
        /// Nothing is due before.
        case wait(until: UInt64)
        /// There will be no connection.
        case giveUp(AMQPError)
    }

    /// When it stops trying.
    package enum Patience: Equatable, Sendable {
        /// Never.
        case endless
        /// If the first round meets a refusal that time does not heal.
        case untilRefused
        /// The same; and if nothing but the login was refused for so long, later too.
        case untilRefusedFor(Duration)
        /// If the first round fails, for whatever reason.
        case once
    }

    private enum State: Equatable {
        case idle
        case connecting
        case renewing(AMQPError)
        case connected
        case ended(AMQPError)
    }

    private var state = State.idle
    private var schedule: RecoverySchedule
    private var budget = ChannelBudget()
    private let longestRefusal: UInt64?
    private var notBefore: UInt64 = 0
    private var hasConnected = false
    /// Since when the login is refused.
    private var refusedSince: UInt64?
    private var refusals = Backoff(Self.refusalWaits)

    /// A broker counts refused logins, and may lock the user out.
    private static let refusalWaits = RecoverySettings(initialInterval: .seconds(1), maxInterval: .seconds(300))

    /// Why there is no connection, as far as is known; nil while there is one, and before the first attempt is over.
    package private(set) var lastError: AMQPError?

    /// Starts with an attempt.
    ///
    /// - Parameters:
    ///   - endpointCount: How many brokers there are, as good as each other.
    ///   - settings: The waits between rounds.
    ///   - patience: When it stops trying.
    package init(endpointCount: Int, settings: RecoverySettings, patience: Patience = .untilRefused) {
        self.schedule = RecoverySchedule(
            endpointCount: endpointCount,
            settings: settings,
            mustConnectAtOnce: patience == .once,
            givesUp: patience != .endless
        )
        if case .untilRefusedFor(let time) = patience {
            self.longestRefusal = time.nanoseconds
        } else {
            self.longestRefusal = nil
        }
    }

    /// How many channels to ask for; 0 is what the broker offers.
    package var channelMax: Int { self.budget.limit }

    /// What is due.
    ///
    /// An attempt is answered by ``connected(now:)`` or ``failed(_:now:using:)``.
    package mutating func next(now: UInt64, using generator: inout some RandomNumberGenerator) -> Step {
        switch self.state {
        case .ended(let error): return .giveUp(error)
        case .renewing: return .renew
        case .connecting, .connected: return .wait(until: .max)
        case .idle where now < self.notBefore: return .wait(until: self.notBefore)
        case .idle: break
        }
        switch self.schedule.next(now: now, using: &generator) {
        case .wait(let time): return .wait(until: time)
        case .attempt(let index):
            self.state = .connecting
            return .connect(index)
        }
    }

    // MARK: What happens

    /// The attempt succeeded.
    package mutating func connected(now: UInt64) {
        self.state = .connected
        self.hasConnected = true
        self.lastError = nil
        self.forgetRefusals()
        self.schedule.connected(now: now)
    }

    /// The attempt failed.
    package mutating func failed(_ error: AMQPError, now: UInt64, using generator: inout some RandomNumberGenerator) {
        self.lastError = error
        self.budget.connectionEnded(error)
        if error.isLoginRefused {
            self.state = .renewing(error)
        } else {
            self.decide(error, now, &generator)
        }
    }

    /// User and password were looked at again.
    ///
    /// - Parameters:
    ///   - endpoints: How many there are now, if something has changed; nil if not.
    ///   - now: The time.
    ///   - generator: Where random numbers come from.
    package mutating func renewed(
        endpoints: Int?,
        now: UInt64,
        using generator: inout some RandomNumberGenerator
    ) {
        guard case .renewing(let error) = self.state else { return }
        guard let endpoints else { return self.decide(error, now, &generator) }
        self.state = .idle
        self.forgetRefusals()
        self.schedule.renewed(endpointCount: endpoints)
    }

    /// Other endpoints from the next attempt on, whatever goes on now: a connection stays, an attempt is finished.
    package mutating func replaced(endpoints: Int) {
        if case .renewing = self.state { self.state = .idle }
        self.forgetRefusals()
        self.schedule.renewed(endpointCount: endpoints)
    }

    /// The connection ended.
    package mutating func ended(_ error: AMQPError, now: UInt64, using generator: inout some RandomNumberGenerator) {
        self.state = .idle
        self.lastError = error
        self.budget.connectionEnded(error)
        self.schedule.lost(now: now, using: &generator)
    }

    private mutating func forgetRefusals() {
        self.refusedSince = nil
        self.refusals.reset()
        self.notBefore = 0
    }

    private mutating func decide(
        _ error: AMQPError,
        _ now: UInt64,
        _ generator: inout some RandomNumberGenerator
    ) {
        self.state = .idle
        if case .giveUp(let refusal) = self.schedule.failed(error, now: now, using: &generator) {
            self.state = .ended(refusal)
            return
        }
        guard error.isLoginRefused, self.hasConnected else { return }
        let since = self.refusedSince ?? now
        self.refusedSince = since
        if let longest = self.longestRefusal, now &- since >= longest {
            self.state = .ended(error)
        } else if self.schedule.isRoundOver {
            self.notBefore = now &+ self.refusals.next(random: Double.random(in: 0..<1, using: &generator))
        }
    }
}
