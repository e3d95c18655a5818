import Millrace
import TestSupport

/// Supervisors with one schedule, and a broker with its clock queue and the job's, in a time of their own: every frame is on
/// its way for as long as the seed says, and a supervisor may end between any two.
struct ScheduleWorld {
    enum Frame {
        case subscribe
        case step(ScheduleMachine.Step)
    }
    enum Event {
        case opened
        case token(UInt64, ScheduleToken)
        case looked(Int)
        case checked(Bool)
        case answer(Bool)
    }
    private struct Waiting {
        let number: Int
        let token: ScheduleToken
    }
    /// A process, from its start to its end.
    private struct Life {
        var machine: ScheduleMachine
        var out: [Frame] = []
        var events: [Event] = []
        var unacked: [(tag: UInt64, waiting: Waiting)] = []
        var nextTag: UInt64 = 1
        let number: Int
        var wake: Int64 = 0
    }

    let rule: ScheduleRule
    let catchUp: CatchUp
    let deadline: Int64?
    var random: Seed
    var now: Int64
    private let begin: Int64
    private var lives: [Life?]
    private let skews: [Int64]
    private var livesBegun = 0
    private var tokensMade = 0
    private var clock: [Waiting] = []
    /// Who consumes the clock queue, the first one alone gets something.
    private var consumers: [Int] = []
    /// What the job's queue got.
    private(set) var ticks: [Int64] = []
    private(set) var leadersEnded = 0
    private(set) var notes: [ScheduleMachine.Note] = []
    private(set) var seeds = 0
    /// The broker refuses so many of a hundred.
    var refusesPercent = 0
    var hasQueue = true

    init(
        _ rule: ScheduleRule,
        catchUp: CatchUp,
        deadline: Int64? = nil,
        supervisors: Int,
        skew: Int64 = 0,
        begin: Int64 = 1_772_409_600_000,
        random: Seed
    ) {
        self.rule = rule
        self.catchUp = catchUp
        self.deadline = deadline
        self.random = random
        self.begin = begin
        self.now = begin
        self.lives = Array(repeating: nil, count: supervisors)
        var random = random
        self.skews = (0..<supervisors).map { _ in Int64.random(in: -skew...skew, using: &random) }
    }

    private func time(_ index: Int) -> ScheduleMachine.Now {
        ScheduleMachine.Now(wall: self.now + self.skews[index], steady: self.now - self.begin)
    }

    var supervisors: Range<Int> { self.lives.indices }
    func isAlive(_ index: Int) -> Bool { self.lives[index] != nil }
    var leader: Int? { self.lives.firstIndex { $0?.machine.isLeading == true } }
    var leaderCount: Int { self.lives.count { $0?.machine.isLeading == true } }

    // MARK: Lives

    mutating func start(_ index: Int) {
        guard self.lives[index] == nil else { return }
        self.livesBegun += 1
        let machine = ScheduleMachine(
            self.rule,
            named: "rule",
            catchUp: self.catchUp,
            deadline: self.deadline,
            shift: Int64.random(in: 0...60_000, using: &self.random)
        )
        self.lives[index] = Life(machine: machine, out: [.subscribe], number: self.livesBegun)
    }

    /// Some of what it sent arrives still; then the broker gives what it had in hand to the next.
    mutating func end(_ index: Int) {
        guard let life = self.lives[index] else { return }
        if life.machine.isLeading { self.leadersEnded += 1 }
        for _ in 0..<Int.random(in: 0...life.out.count, using: &self.random) { self.carry(index) }
        let unacked = self.lives[index]?.unacked.map(\.waiting) ?? []
        self.lives[index] = nil
        self.consumers.removeAll { $0 == index }
        self.clock = (unacked + self.clock).sorted { $0.number < $1.number }
        self.deliver()
    }

    // MARK: The broker

    private mutating func put(_ token: ScheduleToken) {
        self.tokensMade += 1
        self.clock.append(Waiting(number: self.tokensMade, token: token))
        self.deliver()
    }

    private mutating func deliver() {
        guard let active = self.consumers.first else { return }
        for waiting in self.clock {
            let tag = self.lives[active]?.nextTag ?? 0
            self.lives[active]?.nextTag += 1
            self.lives[active]?.unacked.append((tag, waiting))
            self.lives[active]?.events.append(.token(tag, waiting.token))
        }
        self.clock = []
    }

    private mutating func takes() -> Bool { Int.random(in: 0..<100, using: &self.random) >= self.refusesPercent }

    /// The broker reads one frame of a supervisor.
    private mutating func carry(_ index: Int) {
        guard var life = self.lives[index], !life.out.isEmpty else { return }
        let frame = life.out.removeFirst()
        self.lives[index] = life
        switch frame {
        case .subscribe:
            self.consumers.append(index)
            self.lives[index]?.events.append(.opened)
            self.deliver()
        case .step(.seed(let token)):
            self.seeds += 1
            self.put(token)
        case .step(.refresh(let token)):
            self.put(token)
            self.lives[index]?.events.append(.answer(true))
        case .step(.tick(let time)):
            // A queue that refuses it does not keep the other from taking it.
            self.put(ScheduleToken(.done, time, rule: "rule"))
            let isTaken = self.takes()
            if isTaken { self.ticks.append(time) }
            self.lives[index]?.events.append(.answer(isTaken))
        case .step(.look): self.lives[index]?.events.append(.looked(self.clock.count))
        // On a channel of its own: its answer may overtake tokens.
        case .step(.checkQueue): self.lives[index]?.events.insert(.checked(self.hasQueue), at: 0)
        case .step(.ack(let tags)): self.lives[index]?.unacked.removeAll { tags.contains($0.tag) }
        }
    }

    // MARK: Steps

    private mutating func take(_ index: Int) {
        guard var life = self.lives[index], !life.events.isEmpty else { return }
        let now = self.time(index)
        switch life.events.removeFirst() {
        case .opened: life.machine.opened(now)
        case .token(let tag, let token): life.machine.received(tag, token, isWorn: false, now)
        case .looked(let ready): life.machine.looked(ready: ready, now)
        case .checked(let isThere): life.machine.queueChecked(isThere: isThere, now)
        case .answer(true): life.machine.confirmed(now)
        case .answer(false): life.machine.refused(now)
        }
        life.wake = now.steady
        self.lives[index] = life
    }

    private mutating func advance(_ index: Int) {
        guard var life = self.lives[index] else { return }
        let now = self.time(index)
        guard life.wake <= now.steady else { return }
        let (steps, wake) = life.machine.advance(now)
        life.out += steps.map(Frame.step)
        life.wake = wake
        self.notes += life.machine.takeNotes()
        self.lives[index] = life
    }

    /// One thing happens, somewhere.
    mutating func step() {
        let index = Int.random(in: self.supervisors, using: &self.random)
        switch Int.random(in: 0..<10, using: &self.random) {
        case 0...2: self.carry(index)
        case 3...5: self.take(index)
        case 6...8: self.advance(index)
        default: self.now += Int64.random(in: 1...20, using: &self.random)
        }
    }

    /// All that is on its way arrives, and all is done that is due.
    mutating func settle() {
        for _ in 0..<100_000 {
            for index in self.supervisors {
                self.advance(index)
                self.carry(index)
                self.take(index)
            }
            let isQuiet = self.lives.allSatisfy { life in
                guard let life else { return true }
                return life.out.isEmpty && life.events.isEmpty && life.wake > self.now - self.begin
            }
            if isQuiet { return }
        }
    }

    /// Time passes, in steps, with everybody awake.
    mutating func pass(_ milliseconds: Int64, step: Int64) {
        let end = self.now + milliseconds
        while self.now < end {
            self.now = min(end, self.now + step)
            self.settle()
        }
    }
}
