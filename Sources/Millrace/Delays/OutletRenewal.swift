/// When the channel that copies leave by is replaced by a new one, because it may be what refuses them.
///
/// What is on its way is answered first, for what is not answered would go twice; but not for ever, for a queue without
/// a leader answers nothing. A value; times are nanoseconds of the monotonic clock.
package struct OutletRenewal: Sendable {
    package enum Step: Equatable, Sendable {
        case goOn
        /// Nothing is sent before this time, unless all answers come first.
        case wait(until: UInt64)
        case renew
    }

    /// For answers to what is on its way.
    package static let patience: UInt64 = 1_000_000_000
    /// Between two renewals.
    package static let pause: UInt64 = 1_000_000_000

    private var suspectedAt: UInt64?
    private var notBefore: UInt64 = 0

    package init() {}

    /// What went again was refused again.
    package mutating func suspect(now: UInt64) {
        if self.suspectedAt == nil, now >= self.notBefore { self.suspectedAt = now }
    }

    /// What to do before anything is sent.
    ///
    /// - Parameters:
    ///   - sent: So many copies are on their way.
    ///   - now: The time.
    /// - Returns: The step.
    package mutating func step(sent: Int, now: UInt64) -> Step {
        guard let suspectedAt = self.suspectedAt else { return .goOn }
        let deadline = suspectedAt &+ Self.patience
        if sent > 0, now < deadline { return .wait(until: deadline) }
        self.suspectedAt = nil
        self.notBefore = now &+ Self.pause
        return .renew
    }
}
