/// Which workers a job has, which it should have, and what to do about the difference.
///
/// A value: what happened comes in with the time, in nanoseconds of the monotonic clock; what is to be done comes out of
/// ``next(now:)``. A worker that is to go ends between two messages: until its thread has ended it is there.
package struct PoolMachine: Sendable {
    package struct Worker: Hashable, Sendable {
        /// Never used again.
        package let number: Int
        /// The lowest that no other worker has.
        package let place: Int
        /// Which definition of the job it works by.
        package let version: Int
    }

    package enum Action: Equatable, Sendable {
        case start(Worker)
        /// It finishes what it has in hand, and ends.
        case drain(Worker)
    }

    private enum Phase: Equatable {
        /// It has no thread yet.
        case wanted(notBefore: UInt64)
        case running
        case leaving(since: UInt64)
        /// It has ended by itself: the job has failed or was stopped.
        case over
    }

    /// Between two tries to start a thread that the system did not give.
    package static let pause: UInt64 = 5_000_000_000
    /// A worker that is still in a handler after so long has its place taken by another one.
    package static let patience: UInt64 = 5_000_000_000

    private var phases: [Worker: Phase] = [:]
    private var numbers = 0
    private var version = 0
    /// How many workers there should be.
    package private(set) var target: Int
    private var isDraining = false

    package init(threads: Int) { self.target = threads }

    // MARK: What happens

    /// There should be so many from now on.
    package mutating func setTarget(_ threads: Int) { self.target = threads }

    /// The job has another definition: who works by the old one goes, and others come.
    ///
    /// - Returns: Its number.
    package mutating func setVersion() -> Int {
        self.version += 1
        return self.version
    }

    /// Nobody is started any more; who runs is told by others.
    package mutating func drain() { self.isDraining = true }

    /// Somebody wants it back though it was drained.
    package mutating func revive() { self.isDraining = false }

    /// The system had no thread for it.
    package mutating func notStarted(_ worker: Worker, now: UInt64) {
        guard self.phases[worker] == .running else { return }
        self.phases[worker] = .wanted(notBefore: now &+ Self.pause)
    }

    /// Its thread has ended.
    package mutating func ended(_ worker: Worker) {
        switch self.phases[worker] {
        case .running: self.phases[worker] = .over
        case .leaving: self.phases[worker] = nil
        case .wanted, .over, nil: break
        }
    }

    /// It is given up, and its thread with it.
    ///
    /// - Parameters:
    ///   - worker: Who.
    ///   - isReplaced: Whether another one takes its place.
    package mutating func abandoned(_ worker: Worker, isReplaced: Bool) {
        guard let phase = self.phases.removeValue(forKey: worker) else { return }
        if !isReplaced, phase == .running { self.phases[worker] = .over }
    }

    // MARK: What to do

    /// What is to be done now; taken for done.
    package mutating func next(now: UInt64) -> [Action] {
        guard !self.isDraining else {
            self.phases = self.phases.filter { if case .wanted = $0.value { false } else { true } }
            return []
        }
        var actions = self.letGo(now)
        self.want()
        for worker in self.sorted where self.isDue(worker, now) {
            self.phases[worker] = .running
            actions.append(.start(worker))
        }
        return actions
    }

    /// When to ask again though nothing happens; nil if nothing is open.
    package var wake: UInt64? {
        guard !self.isDraining else { return nil }
        var wake: UInt64?
        for phase in self.phases.values {
            switch phase {
            case .wanted(let time): wake = min(wake ?? .max, time)
            case .leaving(let since) where self.current.count < self.target:
                wake = min(wake ?? .max, since &+ Self.patience)
            case .leaving, .running, .over: break
            }
        }
        return wake
    }

    /// Whether some are to start, or have to go first.
    package var isChanging: Bool {
        self.phases.values.contains { phase in
            switch phase {
            case .wanted, .leaving: true
            case .running, .over: false
            }
        }
    }

    /// Everybody who is wanted, there, or ended and not forgotten.
    package var all: Set<Worker> { Set(self.phases.keys) }

    /// How many there should be and are not, for want of threads.
    package var missing: Int { self.phases.values.count { if case .wanted = $0 { true } else { false } } }

    /// Who has a thread.
    package var alive: [Worker] {
        self.sorted.filter { worker in
            switch self.phases[worker] {
            case .running, .leaving: true
            case .wanted, .over, nil: false
            }
        }
    }

    private var sorted: [Worker] { self.phases.keys.sorted { $0.number < $1.number } }

    /// Those that count towards the target.
    private var current: [Worker] {
        self.sorted.filter { worker in
            guard worker.version == self.version else { return false }
            if case .leaving = self.phases[worker] { return false }
            return true
        }
    }

    /// Who is too many, or of an old definition, goes: first who has no thread, then who has ended, then the highest place.
    private mutating func letGo(_ now: UInt64) -> [Action] {
        func rank(_ worker: Worker) -> Int {
            switch self.phases[worker] {
            case .wanted: 0
            case .over: 1
            default: 2
            }
        }
        let current = self.current.sorted { (rank($0), -$0.place) < (rank($1), -$1.place) }
        let old = self.sorted.filter { $0.version != self.version }
        var actions: [Action] = []
        for worker in old + current.prefix(max(0, current.count - self.target)) {
            switch self.phases[worker] {
            case .wanted, .over: self.phases[worker] = nil
            case .running:
                self.phases[worker] = .leaving(since: now)
                actions.append(.drain(worker))
            case .leaving, nil: break
            }
        }
        self.stuck = self.phases.values.count { phase in
            if case .leaving(let since) = phase { now >= since &+ Self.patience } else { false }
        }
        return actions
    }

    /// Who leaves and is in a handler still: nobody waits for their places.
    private var stuck = 0

    private mutating func want() {
        var room = min(self.target - self.current.count, self.target + self.stuck - self.phases.count)
        while room > 0 {
            let taken = Set(self.phases.keys.map(\.place))
            let place = (0...).first { !taken.contains($0) } ?? 0
            self.phases[Worker(number: self.numbers, place: place, version: self.version)] = .wanted(notBefore: 0)
            self.numbers += 1
            room -= 1
        }
    }

    private func isDue(_ worker: Worker, _ now: UInt64) -> Bool {
        guard case .wanted(let time) = self.phases[worker] else { return false }
        return now >= time
    }
}
