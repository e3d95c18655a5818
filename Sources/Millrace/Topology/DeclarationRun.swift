package import AMQPCore

/// How a ``DeclarationPlan`` is worked off, as a value: when to ask, how long to wait, when the others may start.
///
/// Questions go out one after the other. One that has no answer after a moment keeps its channel, and the next ones go out
/// on another: its answer counts whenever it comes. RabbitMQ 4.3 has none about a classic queue whose node is down for more
/// than a minute.
///
/// Why: record 12, declarations overlap.
package struct DeclarationRun: Sendable {
    package struct Limits: Equatable, Sendable {
        /// Before the next question goes out.
        package var patience = DeclarePatience(first: .milliseconds(100), least: .milliseconds(10))
        /// For where outputs and dead letters go, which nobody but us declares: nobody starts before.
        package var forOthers: UInt64 = 1_000_000_000
        /// Without any answer at all, before the broker is asked for something that it can always say.
        package var silence: UInt64 = 3_000_000_000
        /// For the answer to that.
        package var probe: UInt64 = 5_000_000_000
        /// Before people hear of a question without an answer, once jobs have started.
        package var slow: UInt64 = 1_000_000_000
        /// For any answer: then its channel is given up.
        package var answer: UInt64 = 120_000_000_000
        /// Questions under way at once, each with a channel.
        package var channels = 16

        package init() {}
    }

    package enum Step: Equatable, Sendable {
        case ask(TopologyItem, Declaration)
        /// People may want to know that it has no answer; said once.
        case slow(TopologyItem)
        /// Its answer is not waited for any more.
        case giveUp(TopologyItem)
        /// Ask for something that needs no queue's node: a queue of ours alone.
        case probe
        /// Jobs may start; said once.
        case handOver
        case wait(until: UInt64)
        /// The broker takes connections and answers nothing.
        case silent
        case done
    }

    private enum Probe: Equatable { case notAsked, asked(UInt64), answered }

    package private(set) var plan: DeclarationPlan
    private var limits: Limits
    private let goesOn: Bool
    private struct Flight {
        let item: TopologyItem
        let declaration: Declaration
        let since: UInt64
        var isSaid = false
    }
    private var flights: [Flight] = []
    /// The last question is still waited for before the next.
    private var holds = false
    private var probe = Probe.notAsked
    private var lastAsked: UInt64 = 0
    private var hasHandedOver = false
    private var backoff: Backoff
    private var retryAt: UInt64?

    /// - Parameters:
    ///   - plan: What.
    ///   - goesOn: Whether others wait for it, and what can not be had yet is tried again; else it ends when all was asked.
    ///   - limits: How long.
    ///   - backoff: Between two tries.
    package init(
        _ plan: DeclarationPlan,
        goesOn: Bool,
        limits: Limits = Limits(),
        backoff: Backoff = Backoff(RecoverySettings(initialInterval: .seconds(1)))
    ) {
        self.plan = plan
        self.goesOn = goesOn
        self.limits = limits
        self.backoff = backoff
    }

    // MARK: What happens

    /// An answer has come.
    ///
    /// - Parameters:
    ///   - item: What was asked for.
    ///   - error: The broker's no; nil for a yes.
    /// - Returns: Where the item stands now; nil if there is more to ask about it.
    @discardableResult
    package mutating func answered(_ item: TopologyItem, _ error: AMQPError?) -> DeclarationPlan.Standing? {
        if self.flights.last?.item == item { self.holds = false }
        self.flights.removeAll { $0.item == item }
        return self.plan.answered(item, error)
    }

    /// The broker has answered what it was asked to see whether it does.
    package mutating func probeAnswered() { self.probe = .answered }

    /// What can have ended the connection, the last question first.
    package func suspects(of error: AMQPError) -> [TopologyItem] {
        self.flights.reversed().filter { error.canBeDoing(of: $0.declaration.method, orItsClass: true) }.map(\.item)
    }

    // MARK: What to do

    /// What to do now.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - random: 0..<1, for the wait before the next try.
    /// - Returns: Taken for done.
    package mutating func next(now: UInt64, random: Double) -> Step {
        if let late = self.flights.first(where: { now >= $0.since &+ self.limits.answer }) {
            let text =
                "no answer within \(DurationText.write(.nanoseconds(Int64(clamping: self.limits.answer))))"
            self.answered(late.item, AMQPError(.timeout, scope: .call, text: text, method: late.declaration.method))
            return .giveUp(late.item)
        }
        if self.holds {
            let end = self.lastAsked &+ self.limits.patience.current.nanoseconds
            if now < end { return .wait(until: end) }
            self.holds = false
            self.limits.patience.unanswered()
        }
        if self.flights.count < self.limits.channels, let next = self.plan.next() {
            self.flights.append(Flight(item: next.item, declaration: next.declaration, since: now))
            self.lastAsked = now
            self.holds = true
            return .ask(next.item, next.declaration)
        }
        if self.goesOn, !self.hasHandedOver { return self.beforeHandOver(now) }
        return self.afterwards(now, random)
    }

    private mutating func beforeHandOver(_ now: UInt64) -> Step {
        if !self.flights.isEmpty {
            if self.plan.answers == 0, self.probe != .answered { return self.lookForLife(now) }
            let end = self.lastAsked &+ self.limits.forOthers
            if self.flights.contains(where: { !self.plan.isOfJob($0.item) }), now < end { return .wait(until: end) }
        }
        self.hasHandedOver = true
        return .handOver
    }

    /// Nothing has been answered: either what was asked for can not be, or the broker is in trouble.
    private mutating func lookForLife(_ now: UInt64) -> Step {
        switch self.probe {
        case .notAsked where now < self.lastAsked &+ self.limits.silence:
            return .wait(until: self.lastAsked &+ self.limits.silence)
        case .notAsked:
            self.probe = .asked(now)
            return .probe
        case .asked(let since) where now < since &+ self.limits.probe: return .wait(until: since &+ self.limits.probe)
        case .asked, .answered: return .silent
        }
    }

    private mutating func afterwards(_ now: UInt64, _ random: Double) -> Step {
        if let place = self.flights.firstIndex(where: { !$0.isSaid && now >= $0.since &+ self.limits.slow }) {
            self.flights[place].isSaid = true
            return .slow(self.flights[place].item)
        }
        let wake = self.flights.map { $0.since &+ ($0.isSaid ? self.limits.answer : self.limits.slow) }.min()
        guard self.goesOn, self.plan.hasOpen else { return wake.map { .wait(until: $0) } ?? .done }
        let retryAt = self.retryAt ?? now &+ self.backoff.next(random: random)
        guard now >= retryAt else {
            self.retryAt = retryAt
            return .wait(until: min(retryAt, wake ?? .max))
        }
        self.retryAt = nil
        self.plan.retry()
        return self.next(now: now, random: random)
    }
}
