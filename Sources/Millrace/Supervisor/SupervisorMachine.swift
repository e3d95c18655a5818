import AMQPClient

/// What a supervisor does next: running, draining and ended are its states.
///
/// A value: what happened comes in with the time, in nanoseconds of the monotonic clock; what is to be done comes out.
package struct SupervisorMachine: Sendable {
    package enum Action: Equatable, Sendable {
        /// Nothing new is begun: consumers end, what is not begun goes back.
        case drain
        /// Handlers still run at `shutdown_timeout`, or somebody is in a hurry: they are asked to end early.
        case askToEnd
        /// The run is over; who has not ended is left.
        case finish
    }

    private enum Phase: Equatable {
        case running
        case draining(Deadlines)
        /// When everything has to be over.
        case ended(leave: UInt64)
    }

    private struct Deadlines: Equatable {
        let ask: UInt64
        let leave: UInt64
        var hasAsked = false
    }

    private var shutdownTimeout: Duration
    private var killTimeout: Duration
    private var phase = Phase.running

    /// - Parameters:
    ///   - shutdownTimeout: How long handlers may go on undisturbed in a drain.
    ///   - killTimeout: How long they have from when they are asked to end.
    package init(shutdownTimeout: Duration, killTimeout: Duration) {
        self.shutdownTimeout = shutdownTimeout
        self.killTimeout = killTimeout
    }

    /// How long the next drain may take.
    package mutating func setTimeouts(shutdown: Duration, kill: Duration) {
        (self.shutdownTimeout, self.killTimeout) = (shutdown, kill)
    }

    package var isRunning: Bool { self.phase == .running }

    /// When to call ``look(workersHaveEnded:allHaveEnded:now:)`` if nothing happens before.
    package var wake: UInt64? {
        guard case .draining(let deadlines) = self.phase else { return nil }
        return deadlines.hasAsked ? deadlines.leave : deadlines.ask
    }

    /// How long the broker may take for its part of a run that is over: what is left of the time, and a moment at least, so that
    /// what is on its way arrives.
    package func closingTime(now: UInt64) -> Duration {
        guard case .ended(let leave) = self.phase else { return .nanoseconds(Int64(Self.moment)) }
        let left = leave > now ? leave - now : 0
        return .nanoseconds(Int64(min(max(left, Self.moment), Self.longestClose)))
    }

    /// Nanoseconds.
    private static let moment: UInt64 = 250_000_000
    private static let longestClose: UInt64 = 5_000_000_000

    /// Somebody wants it to end: the first time with a drain, the second at once.
    package mutating func stop(now: UInt64) -> [Action] {
        switch self.phase {
        case .running: return self.drain(now)
        case .draining(let deadlines):
            self.phase = .ended(leave: now)
            return deadlines.hasAsked ? [.finish] : [.askToEnd, .finish]
        case .ended: return []
        }
    }

    /// All is worked off, or no job can go on.
    package mutating func nothingLeft(now: UInt64) -> [Action] { self.isRunning ? self.drain(now) : [] }

    private mutating func drain(_ now: UInt64) -> [Action] {
        let ask = now &+ self.shutdownTimeout.nanoseconds
        self.phase = .draining(Deadlines(ask: ask, leave: ask &+ self.killTimeout.nanoseconds))
        return [.drain]
    }

    /// Who has ended, whenever that changes or a time is over.
    ///
    /// - Parameters:
    ///   - workersHaveEnded: No handler runs any more.
    ///   - allHaveEnded: Nor does anything else that has messages in hand.
    ///   - now: The time.
    /// - Returns: What is to be done.
    package mutating func look(workersHaveEnded: Bool, allHaveEnded: Bool, now: UInt64) -> [Action] {
        guard case .draining(var deadlines) = self.phase else { return [] }
        // At its time what is held without a handler goes back with the connection.
        if allHaveEnded || (workersHaveEnded && now >= deadlines.ask) {
            self.phase = .ended(leave: deadlines.leave)
            return [.finish]
        }
        var actions: [Action] = []
        if now >= deadlines.ask, !deadlines.hasAsked {
            deadlines.hasAsked = true
            self.phase = .draining(deadlines)
            actions.append(.askToEnd)
        }
        if now >= deadlines.leave {
            self.phase = .ended(leave: deadlines.leave)
            actions.append(.finish)
        }
        return actions
    }
}
