package import AMQPCore

/// Whether a job ends the connection that it shares with others, as a value: while it is suspected it is tried alone, on a
/// connection of its own, and the others run.
///
/// Times are nanoseconds of the monotonic clock; the random number comes in.
package struct ConnectionTrial: Sendable {
    private enum State {
        case free
        case suspected(AMQPError, notBefore: UInt64)
        case standing(AMQPError)
        case condemned(AMQPError)
    }
    private var state = State.free
    private var backoff: Backoff
    /// Trials in a row that ended their connection.
    private var ends = 0

    /// So many in a row are a failure that people hear of, though it is tried on.
    private static let failingAfter = 3

    /// Why it does not work, if it has ended several connections of its own in a row.
    package var failing: AMQPError? {
        switch self.state {
        case .condemned(let error): error
        case .suspected(let error, _), .standing(let error): self.ends >= Self.failingAfter ? error : nil
        case .free: nil
        }
    }

    /// - Parameter settings: The waits between trials that decide nothing.
    package init(_ settings: RecoverySettings) { self.backoff = Backoff(settings) }

    /// The connection ended while a request of the job was under way that may have caused it.
    package mutating func suspect(_ error: AMQPError, now: UInt64 = 0) {
        guard case .free = self.state else { return }
        self.state = .suspected(error, notBefore: now)
    }

    package enum Turn: Equatable, Sendable {
        /// Nothing is held against it.
        case go
        /// It is to be tried by the caller now, who says how that ended.
        case stand(AMQPError)
        /// Another worker tries it, or it is not time.
        case wait(AMQPError, until: UInt64)
        /// It is guilty.
        case never(AMQPError)
    }
    /// What a worker of the job may do now.
    package mutating func next(now: UInt64) -> Turn {
        switch self.state {
        case .free: return .go
        case .suspected(let error, let notBefore):
            if now < notBefore { return .wait(error, until: notBefore) }
            self.state = .standing(error)
            return .stand(error)
        case .standing(let error): return .wait(error, until: now &+ Self.poll)
        case .condemned(let error): return .never(error)
        }
    }

    /// How often the others look.
    private static let poll: UInt64 = 50_000_000

    package enum Outcome: Equatable, Sendable {
        /// No connection could be had.
        case notTried
        /// Somebody else is tried at this time.
        case busy
        /// It did what it does.
        case worked
        /// It failed, and cost its channel alone.
        case failedAlone
        case endedConnection(AMQPError)
    }
    package enum Verdict: Equatable, Sendable {
        /// It was somebody else, or a fault that passes.
        case innocent
        /// It is not known yet.
        case open
        /// It ends a connection that it has for itself too, with an error that a broker in trouble gives: it is tried again.
        case again(AMQPError, after: UInt64)
        /// It does so for good.
        case guilty(AMQPError)
    }
    /// The trial is over.
    package mutating func ended(_ outcome: Outcome, now: UInt64, random: Double) -> Verdict {
        guard case .standing(let incident) = self.state else { return .open }
        switch outcome {
        case .busy:
            self.state = .suspected(incident, notBefore: now &+ Self.poll)
            return .open
        case .notTried:
            self.state = .suspected(incident, notBefore: now &+ self.backoff.next(random: random))
            return .open
        case .worked, .failedAlone:
            self.state = .free
            self.ends = 0
            self.backoff.reset()
            return .innocent
        case .endedConnection(let error) where error.isRefusalForGood:
            self.state = .condemned(error)
            return .guilty(error)
        case .endedConnection(let error) where error.canBeProvoked:
            let wait = self.backoff.next(random: random)
            self.ends += 1
            self.state = .suspected(error, notBefore: now &+ wait)
            return .again(error, after: wait)
        case .endedConnection:
            // The network, or a broker that goes: no answer.
            self.state = .suspected(incident, notBefore: now &+ self.backoff.next(random: random))
            return .open
        }
    }
}
