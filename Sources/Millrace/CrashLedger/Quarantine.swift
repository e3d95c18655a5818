/// Lets a suspect run alone in the process, so that the next crash says who it was.
///
/// A value without I/O; times are nanoseconds of the monotonic clock. In use only after a crash that several messages may
/// have caused, and for a limited time: others wait meanwhile. A suspect whose worker is known needs only ``Seclusion``.
package struct Quarantine: Equatable, Sendable {
    package enum Answer: Equatable, Sendable { case begin, wait }

    private enum State: Equatable, Sendable {
        case open
        /// A worker waits with a suspect until nobody has anything in hand.
        case wanted(by: Int, at: UInt64)
        case running(by: Int)
    }

    private var state = State.open
    package private(set) var inHand = 0
    private var firstUse: UInt64?
    private var firstClaim: UInt64?

    private let deaths: UInt32

    /// - Parameter deaths: How often the process has died with those that have to run alone in hand, from 1.
    package init(deaths: UInt32 = 1) { self.deaths = deaths }

    /// For so long after the first delivery suspects are waited for, after the first death.
    package static let longestWait: UInt64 = 60_000_000_000
    /// For so long, in all, others wait for suspects, after the first death.
    package static let longestStall: UInt64 = 10_000_000_000
    /// A worker that does not ask again has lost its delivery.
    package static let claimLife: UInt64 = 500_000_000
    /// How long to wait before asking again.
    package static let pause: UInt64 = 1_000_000

    /// Whether it has come to its end, and everybody runs as they like.
    package func isOver(now: UInt64) -> Bool {
        if let firstClaim, now > firstClaim &+ Patience.of(Self.longestStall, deaths: self.deaths) { return true }
        if let firstUse, now > firstUse &+ Patience.of(Self.longestWait, deaths: self.deaths) { return true }
        return false
    }

    /// Asks to begin a delivery; one that may begin counts as in hand until ``ended(by:)``.
    package mutating func begin(isSuspect: Bool, worker: Int, now: UInt64) -> Answer {
        if self.firstUse == nil { self.firstUse = now }
        if self.isOver(now: now) { return self.letIn(.open) }
        if case .wanted(_, let at) = self.state, now > at &+ Self.claimLife { self.state = .open }
        switch (self.state, isSuspect) {
        case (.running, _): return .wait
        case (.open, false): return self.letIn(.open)
        case (.wanted, false): return .wait
        case (.wanted(let other, _), true) where other != worker: return .wait
        case (.open, true), (.wanted, true):
            if self.firstClaim == nil { self.firstClaim = now }
            if self.inHand == 0 { return self.letIn(.running(by: worker)) }
            self.state = .wanted(by: worker, at: now)
            return .wait
        }
    }

    private mutating func letIn(_ state: State) -> Answer {
        self.state = state
        self.inHand += 1
        return .begin
    }

    package mutating func ended(by worker: Int) {
        self.inHand -= 1
        if self.state == .running(by: worker) { self.state = .open }
    }
}
