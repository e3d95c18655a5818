import AMQPClient
import Millrace

/// The screen of `top` as a value: what is known, the size and keys go in, lines and what is to be done come out.
struct TopScreen {
    /// How a line is to look; a terminal without colours shows all alike.
    enum Style: Equatable { case plain, title, faint, warning, alarm }

    struct Line: Equatable {
        var text: String
        var style = Style.plain
    }

    struct Size: Equatable {
        var columns: Int
        var rows: Int
    }

    /// What a worker does, of the job that is looked into.
    struct WorkerLine: Equatable {
        let text: String
    }

    private(set) var status = TopStatus()
    /// Seconds since 1970.
    private(set) var now = 0
    /// Whether there was an answer yet, and why there is none now.
    private(set) var hasStatus = false
    private(set) var failure: String?
    /// Outcome of the last thing that was asked for.
    private(set) var message: String?
    /// The job that a key is for.
    private(set) var chosen: String?
    /// Whether its workers are looked at.
    private(set) var isInside = false
    private(set) var workers: [String] = []
    /// Deliveries begun per second, by the two last answers.
    private(set) var arrivals: [String: Double] = [:]
    private var lastReceived: [String: Int] = [:]
    private var lastTime: UInt64 = 0

    // MARK: What comes in

    /// - Parameters:
    ///   - status: As it was answered.
    ///   - now: Seconds since 1970.
    ///   - time: The monotonic clock, in nanoseconds.
    mutating func show(_ status: TopStatus, now: Int, time: UInt64) {
        self.arrivals = [:]
        let seconds = Double(time &- self.lastTime) / 1e9
        for job in status.jobs {
            if let before = self.lastReceived[job.name], time > self.lastTime, job.received >= before {
                self.arrivals[job.name] = Double(job.received - before) / seconds
            }
        }
        self.lastReceived = Dictionary(status.jobs.map { ($0.name, $0.received) }) { $1 }
        self.lastTime = time
        (self.status, self.now, self.hasStatus, self.failure) = (status, now, true, nil)
        if self.chosen == nil || !status.jobs.contains(where: { $0.name == self.chosen }) {
            self.chosen = self.jobs.first?.name
            self.isInside = false
        }
    }

    /// There was no answer: what is shown is of before.
    mutating func fail(_ reason: String) { self.failure = reason }

    /// The workers of the job that is looked into, a line each.
    mutating func show(workers: [String]) { self.workers = workers }

    /// What was asked for is done, or refused.
    mutating func say(_ text: String) { self.message = text }

    // MARK: Keys

    /// - Returns: What is to be done, if something is.
    mutating func take(_ key: TopKey) -> TopAction? {
        switch key {
        case .character("q"): return .end
        case .escape:
            self.isInside = false
        case .enter:
            self.isInside = !self.isInside && self.chosen != nil
            self.workers = []
        case .up, .character("k"): self.move(-1)
        case .down, .character("j"): self.move(1)
        case .character("Q"): return .quiet
        case .character("D"): return .drain
        case .character(let letter): return self.job.flatMap { self.act(letter, on: $0) }
        }
        return nil
    }

    private func act(_ letter: Character, on job: TopStatus.Job) -> TopAction? {
        switch letter {
        case "p": .pause(job.name)
        case "r": .resume(job.name)
        case "+", "=": job.threads < 512 ? .scale(job.name, job.threads + 1) : nil
        case "-": job.threads > 1 ? .scale(job.name, job.threads - 1) : nil
        case "R": .restart(job.name)
        default: nil
        }
    }

    private mutating func move(_ step: Int) {
        let names = self.jobs.map(\.name)
        guard !self.isInside, let chosen, let index = names.firstIndex(of: chosen) else { return }
        self.chosen = names[min(max(index + step, 0), names.count - 1)]
    }

    private var job: TopStatus.Job? { self.status.jobs.first { $0.name == self.chosen } }

    /// Those in the most trouble first, else as in the file.
    var jobs: [TopStatus.Job] {
        self.status.jobs.enumerated()
            .sorted { left, right in
                let (first, second) = (left.element.trouble(now: self.now), right.element.trouble(now: self.now))
                return first == second ? left.offset < right.offset : first > second
            }
            .map(\.element)
    }
}
