/// One schedule in one supervisor: whether this one ticks, when, and what the broker is to remember of it.
///
/// Whoever holds a token of the clock queue leads; the broker gives it to one consumer at a time. A tick goes with one publish to
/// the job's queue and to the clock queue, so that whoever leads next knows of it. A value: what happens comes in with
/// the time.
package struct ScheduleMachine: Sendable {
    /// The time, in milliseconds.
    package struct Now: Equatable, Sendable {
        /// Since 1970; may be set.
        package let wall: Int64
        /// Of a clock that is never set.
        package let steady: Int64

        package init(wall: Int64, steady: Int64) {
            self.wall = wall
            self.steady = steady
        }
    }

    package enum Step: Equatable, Sendable {
        /// Into the clock queue alone; nobody waits for the answer.
        case seed(ScheduleToken)
        /// Into the clock queue alone, and the answer is told.
        case refresh(ScheduleToken)
        /// Into both queues, and the answer is told.
        case tick(Int64)
        /// Ask how many tokens are still to be given out, by the channel that they come on.
        case look
        /// Ask whether the job's queue is there.
        case checkQueue
        case ack([UInt64])
    }

    /// Something that people want to know.
    package enum Note: Equatable, Sendable {
        case leads(since: Int64)
        /// Times from the first one on are not made good.
        case leftOut(first: Int64)
        /// A clock was wrong: so many milliseconds are forgotten.
        case wasAhead(Int64)
    }

    private enum State: Equatable { case away, following, looking, leading }
    private enum Pending: Equatable { case tick(Int64), refresh }
    private enum Target: Equatable { case unknown, asked, there(since: Int64), missing(until: Int64) }

    private let rule: ScheduleRule
    private let name: String
    private let catchUp: CatchUp
    private let deadline: Int64?
    /// So that not all supervisors seed at once.
    private let shift: Int64

    private var state = State.away
    private var memory: ScheduleMemory
    private var seedAt: Int64 = 0
    private var freshAt: Int64 = 0
    private var isWorn = false
    private var lookAt: Int64? = 0
    private var pending: Pending?
    /// The broker refused it: it is tried again.
    private var owed: Int64?
    private var refusals = 0
    private var notBefore: Int64 = 0
    private var target = Target.unknown
    private var checks = 0
    private var saidUpTo: Int64 = .min
    /// What this process has done, for a clock queue that is lost.
    private var known: Int64?
    private var notes: [Note] = []

    /// How old a token may get: less than the broker lets a message be in hand (30 minutes); milliseconds.
    package static let freshness: Int64 = 600_000
    private static let checkAge: Int64 = 60_000
    private static let lookPause: Int64 = 50
    private static let longestSleep: Int64 = 10_000
    private static let lateToken: Int64 = 5_000
    private static let graceOfNone: Int64 = 10_000

    /// - Parameters:
    ///   - rule: When it is due.
    ///   - name: What tells this rule from what the schedule said before.
    ///   - catchUp: What becomes of times that passed.
    ///   - deadline: How late a tick may be, in milliseconds.
    ///   - shift: 0 up to ``freshness``, another one in each process.
    package init(_ rule: ScheduleRule, named name: String, catchUp: CatchUp, deadline: Int64?, shift: Int64) {
        self.rule = rule
        self.name = name
        self.catchUp = catchUp
        self.deadline = catchUp == .none ? deadline ?? Self.graceOfNone : deadline
        self.shift = shift
        self.memory = ScheduleMemory(rule: name)
    }

    package var isLeading: Bool { self.state == .leading }
    /// All up to this is done, as far as it knows.
    package var basis: Int64? { self.isLeading ? self.memory.basis : self.known }

    package mutating func takeNotes() -> [Note] {
        defer { self.notes = [] }
        return self.notes
    }

    // MARK: What happens

    /// The clock queue is consumed.
    package mutating func opened(_ now: Now) {
        self.closed()
        self.state = .following
        self.seedAt = now.steady
    }

    /// The channel has ended, and with it all that was in hand.
    package mutating func closed() {
        self.state = .away
        self.memory.forget()
        self.pending = nil
        self.owed = nil
        self.target = .unknown
        self.isWorn = false
        self.refusals = 0
        self.notBefore = 0
    }

    /// - Parameters:
    ///   - tag: What it is acked by.
    ///   - token: What it says.
    ///   - isWorn: The broker has given it out so often that it may drop it.
    ///   - now: The time.
    package mutating func received(_ tag: UInt64, _ token: ScheduleToken, isWorn: Bool, _ now: Now) {
        self.memory.hold(tag, token)
        self.isWorn = isWorn || self.isWorn
        switch self.state {
        case .away, .looking: break
        case .following:
            self.state = .looking
            self.lookAt = now.steady
        case .leading: self.freshAt = now.steady
        }
    }

    /// How many tokens the queue still has; those before the answer have been told of.
    package mutating func looked(ready: Int, _ now: Now) {
        guard self.state == .looking else { return }
        guard ready == 0 else {
            self.lookAt = now.steady &+ Self.lookPause
            return
        }
        self.state = .leading
        self.freshAt = now.steady
        if let ahead = self.memory.settle(now: now.wall, known: self.known) { self.notes.append(.wasAhead(ahead)) }
        self.notes.append(.leads(since: self.memory.basis))
    }

    package mutating func queueChecked(isThere: Bool, _ now: Now) {
        guard self.target == .asked else { return }
        if isThere {
            self.target = .there(since: now.steady)
            self.checks = 0
        } else {
            self.target = .missing(until: now.steady &+ Self.pause(self.checks))
            self.checks += 1
        }
    }

    private static func pause(_ count: Int) -> Int64 { min(1000 << Int64(min(count, 10)), 30_000) }

    /// The broker has the tick, or the token.
    package mutating func confirmed(_ now: Now) {
        if case .tick(let time) = self.pending {
            self.memory.did(time)
            self.owed = nil
            self.known = max(self.known ?? .min, time)
            // Its token comes in a moment.
            self.freshAt = now.steady
        }
        self.pending = nil
        self.refusals = 0
    }

    /// It was not taken, or could not be sent.
    package mutating func refused(_ now: Now) {
        if case .tick(let time) = self.pending {
            self.owed = time
            self.target = .unknown
        }
        self.pending = nil
        self.notBefore = now.steady &+ Self.pause(self.refusals)
        self.refusals += 1
    }

    // MARK: What is to be done

    /// What is to be done now, and when to ask again if nothing happens before, by the steady clock.
    package mutating func advance(_ now: Now) -> (steps: [Step], wake: Int64) {
        var steps: [Step] = []
        var wake = now.steady &+ Self.longestSleep
        switch self.state {
        case .away: break
        case .following: wake = min(wake, self.seed(&steps, now))
        case .looking:
            if self.memory.isFull { steps.append(.ack(self.memory.takeSeeds())) }
            if let lookAt {
                if lookAt <= now.steady {
                    steps.append(.look)
                    self.lookAt = nil
                } else {
                    wake = min(wake, lookAt)
                }
            }
        case .leading:
            let old = self.memory.takeOld()
            if !old.isEmpty { steps.append(.ack(old)) }
            wake = min(wake, self.lead(&steps, now))
        }
        return (steps, wake)
    }

    private mutating func seed(_ steps: inout [Step], _ now: Now) -> Int64 {
        if self.seedAt <= now.steady {
            steps.append(
                .seed(
                    self.known.map { ScheduleToken(.done, $0, rule: self.name) }
                        ?? ScheduleToken(.seed, now.wall, rule: self.name)
                )
            )
            self.seedAt = now.steady &+ Self.freshness / 2 &+ self.shift
        }
        return self.seedAt
    }

    private mutating func lead(_ steps: inout [Step], _ now: Now) -> Int64 {
        guard self.pending == nil else { return .max }
        guard now.steady >= self.notBefore else { return self.notBefore }
        if let due = self.due(now.wall) {
            switch self.target {
            case .there(let since) where now.steady &- since < Self.checkAge:
                self.pending = .tick(due)
                steps.append(.tick(due))
                return .max
            case .missing(let until) where now.steady < until: return min(until, self.refreshWake(&steps, now))
            case .unknown, .there, .missing:
                self.target = .asked
                steps.append(.checkQueue)
                return .max
            case .asked: return .max
            }
        }
        let refresh = self.refreshWake(&steps, now)
        guard self.pending == nil,
            let next = self.rule.next(after: max(self.memory.basis, now.wall), last: self.memory.basis)
        else { return refresh }
        return min(refresh, now.steady &+ max(0, min(next &- now.wall, Self.longestSleep)))
    }

    /// The token is sent anew before it is too old, and where none in hand says what is done.
    private mutating func refreshWake(_ steps: inout [Step], _ now: Now) -> Int64 {
        let isKept = self.memory.isKept
        let at = self.isWorn ? now.steady : self.freshAt &+ (isKept ? Self.freshness : Self.lateToken)
        guard at <= now.steady else { return at }
        self.isWorn = false
        self.freshAt = now.steady
        self.pending = .refresh
        steps.append(.refresh(ScheduleToken(.done, self.memory.basis, rule: self.name)))
        return .max
    }

    /// The time to tick for now; nil if there is none.
    private mutating func due(_ wall: Int64) -> Int64? {
        let basis = self.memory.basis
        if let owed, wall &- owed <= self.deadline ?? .max { return owed }
        self.owed = nil
        guard let first = self.rule.next(after: basis, last: basis), first <= wall else { return nil }
        var due: Int64?
        switch self.catchUp {
        case .all:
            let start = max(basis, self.deadline.map { wall &- $0 &- 1 } ?? basis)
            due = self.rule.next(after: start, last: basis).flatMap { $0 <= wall ? $0 : nil }
        case .latest, .none:
            due = self.rule.last(after: basis, upTo: wall)
            if let time = due, let deadline, wall &- time > deadline { due = nil }
        }
        if first != due, first > self.saidUpTo {
            self.notes.append(.leftOut(first: first))
            self.saidUpTo = wall
        }
        return due
    }
}
