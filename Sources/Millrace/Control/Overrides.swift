/// What operators have changed of a supervisor's jobs and schedules: it holds until it is undone, ends by itself, or the file
/// says otherwise.
///
/// A value; times are seconds since 1970.
package struct Overrides: Sendable, Equatable {
    package private(set) var jobs: [String: JobOverrides]
    /// Schedules that this supervisor does not tick, and who wants that.
    package private(set) var schedules: [String: ChangeNote]

    package init(_ jobs: [String: JobOverrides] = [:], schedules: [String: ChangeNote] = [:]) {
        self.jobs = jobs.filter { !$0.value.isEmpty }
        self.schedules = schedules
    }

    package var isEmpty: Bool { self.jobs.isEmpty && self.schedules.isEmpty }

    package subscript(job: String) -> JobOverrides { self.jobs[job] ?? JobOverrides() }

    /// Pauses a job, or lets it go on, whatever its file says.
    ///
    /// - Parameters:
    ///   - job: Which.
    ///   - isPaused: What is wanted.
    ///   - note: Who wants it.
    ///   - file: What its file says: what agrees with that for good is no override.
    package mutating func setPause(_ job: String, _ isPaused: Bool, _ note: ChangeNote, file: Bool) {
        let isPlain = isPaused == file && note.until == nil
        self.change(job) { $0.pause = isPlain ? nil : .init(isPaused: isPaused, note: note) }
    }

    /// Has a schedule rest, or with nil go on.
    package mutating func setSchedule(_ name: String, paused note: ChangeNote?) { self.schedules[name] = note }

    /// Gives a job so many threads, or as many as its file says.
    package mutating func setThreads(_ job: String, _ wish: ThreadsWish?, _ note: ChangeNote) {
        self.change(job) { $0.threads = wish.map { .init($0, note: note) } }
    }

    private mutating func change(_ job: String, _ body: (inout JobOverrides) -> Void) {
        var own = self[job]
        body(&own)
        self.jobs[job] = own.isEmpty ? nil : own
    }

    /// Takes out what is over.
    ///
    /// - Returns: What that was, a line for people each.
    package mutating func expire(now: Int64) -> [String] {
        var ended: [String] = []
        for (job, own) in self.jobs.sorted(by: { $0.key < $1.key }) {
            if let pause = own.pause, pause.note.isOver(now: now) {
                self.change(job) { $0.pause = nil }
                ended.append("\(pause.isPaused ? "pause" : "resume") \(job)")
            }
            if let threads = own.threads, threads.note.isOver(now: now) {
                self.change(job) { $0.threads = nil }
                ended.append("scale \(job) \(threads.wish.text)")
            }
        }
        for (name, note) in self.schedules.sorted(by: { $0.key < $1.key }) where note.isOver(now: now) {
            self.schedules[name] = nil
            ended.append("pause of schedule \(name)")
        }
        return ended
    }

    /// When the next one is over.
    package var nextEnd: Int64? {
        (self.jobs.values.flatMap { [$0.pause?.note.until, $0.threads?.note.until] }
            + self.schedules.values.map(\.until))
            .compactMap(\.self).min()
    }

    /// What stays when a file takes the place of another: threads that the new one says otherwise than the old one fall, and
    /// what is about jobs that are gone.
    ///
    /// - Returns: What fell, a line for people each.
    package mutating func follow(old: [JobDefinition], new: [JobDefinition]) -> [String] {
        let before = Dictionary(old.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let after = Dictionary(new.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var fallen: [String] = []
        for (job, own) in self.jobs.sorted(by: { $0.key < $1.key }) {
            guard let now = after[job] else {
                self.jobs[job] = nil
                fallen.append("what was changed of '\(job)': the file has it no more")
                continue
            }
            if let threads = own.threads, let was = before[job], was.threads != now.threads {
                self.change(job) { $0.threads = nil }
                fallen.append("scale \(job) \(threads.wish.text): the file says \(now.threads) now, not \(was.threads)")
            }
            if let pause = own.pause, let was = before[job], was.isPaused != now.isPaused {
                self.change(job) { $0.pause = nil }
                fallen.append("\(pause.isPaused ? "pause" : "resume") \(job): the file says so now")
            }
        }
        return fallen
    }
}
