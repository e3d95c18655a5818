import AMQPClient
import ArgumentParser
import Glibc
import Millrace

struct SchedulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedules",
        abstract: "Look at the schedules of a job file, publish the message of one now, or have one rest.",
        discussion: """
            What is due is ticked by whichever supervisor of the file runs; `list` and `next` need none, and no broker. `pause` \
            and `resume` ask one that runs.
            """,
        subcommands: [
            SchedulesListCommand.self, SchedulesNextCommand.self, SchedulesRunCommand.self, SchedulesPauseCommand.self,
            SchedulesResumeCommand.self,
        ]
    )
}

/// A schedule of a file, with the zone of its clock.
struct ListedSchedule {
    let schedule: ScheduleDefinition
    let zone: ZoneTable
    private let rule: ScheduleRule

    /// - Parameter schedule: Of a file that was checked.
    /// - Throws: The exit status, with the reason told: the zone has gone since.
    init(_ schedule: ScheduleDefinition) throws {
        self.schedule = schedule
        do {
            self.zone = try schedule.zone()
            self.rule = try schedule.rule(in: self.zone)
        } catch {
            StandardError.write("\(schedule.location): \(error)")
            throw ExitCode(78)
        }
    }

    /// When it is due, as a person would say it.
    var words: String {
        switch self.rule {
        case .cron(let expression, _): expression.words
        case .every(let interval): "every \(DurationText.write(.milliseconds(interval)))"
        }
    }

    /// What it is, on one line.
    var line: String {
        var line = "\(self.schedule.name): \(self.words)"
        if case .cron = self.schedule.timing { line += ", \(self.schedule.timezone)" }
        return line + ", to queue '\(self.schedule.queue)'"
    }

    /// The next times, in milliseconds since 1970; none for one that is counted from its last time, which the broker knows.
    func next(_ count: Int, after now: Int64) -> [Int64] {
        guard case .cron = self.rule else { return [] }
        var times: [Int64] = []
        while times.count < count, let next = self.rule.next(after: times.last ?? now, last: now) { times.append(next) }
        return times
    }

    func local(_ time: Int64) -> String {
        TickTime.text(time, offset: self.zone.segment(at: time / 1000).offset)
    }

    func utc(_ time: Int64) -> String { TickTime.text(time, offset: 0) }

    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec / 1_000_000)
    }

    /// One of a file; status 64 if there is none of that name.
    static func named(_ name: String, in file: JobFile) throws -> ScheduleDefinition {
        if let schedule = file.schedules.first(where: { $0.name == name }) { return schedule }
        let names = file.schedules.map(\.name)
        let nearest = NearestName.of(name, among: names).map { "did you mean '\($0)'?" }
        StandardError.write(
            "there is no schedule '\(name)'; "
                + (nearest ?? (names.isEmpty ? "the file has none" : "there are \(names.joined(separator: ", "))"))
        )
        throw ExitCode.usage
    }
}

struct SchedulesListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show each schedule of a file in words, with its queue and its next time.",
        discussion: "One that is paused in the supervisor of the file that runs on this machine is shown so."
    )

    @OptionGroup var file: JobFileArgument

    @Flag(help: "One JSON object per line: name, due, timezone, queue, catch_up, next, next_utc, paused.")
    var json = false

    func run() throws {
        let file = try self.file.load()
        if file.schedules.isEmpty, !self.json { try StandardOutput.line("\(self.file.file) has no schedules") }
        let paused = file.schedules.isEmpty ? [:] : PausedSchedules.ask(self.file.file, file)
        for schedule in file.schedules {
            let listed = try ListedSchedule(schedule)
            let next = listed.next(1, after: ListedSchedule.now).first
            let pause = paused[schedule.name]
            try StandardOutput.line(
                self.json ? self.object(listed, next, pause != nil) : self.line(listed, next, pause)
            )
        }
    }

    private func line(_ listed: ListedSchedule, _ next: Int64?, _ pause: String?) -> String {
        let line = next.map { listed.line + "; next \(listed.local($0))" } ?? listed.line
        return pause.map { "\(line); \($0)" } ?? line
    }

    private func object(_ listed: ListedSchedule, _ next: Int64?, _ isPaused: Bool) -> String {
        let schedule = listed.schedule
        return OptionValue.object([
            .init(key: "name", value: .string(schedule.name)), .init(key: "due", value: .string(listed.words)),
            .init(key: "timezone", value: .string(schedule.timezone)),
            .init(key: "queue", value: .string(schedule.queue)),
            .init(key: "catch_up", value: .string(schedule.catchUp.rawValue)),
            .init(key: "next", value: next.map { .string(listed.local($0)) } ?? .null),
            .init(key: "next_utc", value: next.map { .string(listed.utc($0)) } ?? .null),
            .init(key: "paused", value: .bool(isPaused)),
        ]).json
    }
}

struct SchedulesNextCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "next",
        abstract: "Show the next times of a file's schedules, in their zone and in UTC.",
        discussion:
            "A schedule with `every` is counted from its last time, which the broker knows and this does not ask."
    )

    @OptionGroup var file: JobFileArgument

    @Argument(help: "The schedule; without it all of them.")
    var name: String?

    @Option(help: "So many times of each, 1 to 1000.")
    var count = 5

    @Flag(help: "One JSON object per line: name, next, next_utc.")
    var json = false

    func validate() throws {
        if !(1...1000).contains(self.count) { throw ValidationError("--count takes 1 to 1000") }
    }

    func run() throws {
        let file = try self.file.load()
        let schedules = try self.name.map { [try ListedSchedule.named($0, in: file)] } ?? file.schedules
        for schedule in schedules {
            let listed = try ListedSchedule(schedule)
            if !self.json { try StandardOutput.line("\(schedule.name): \(listed.words)") }
            for time in listed.next(self.count, after: ListedSchedule.now) {
                try StandardOutput.line(self.line(listed, time))
            }
        }
    }

    private func line(_ listed: ListedSchedule, _ time: Int64) -> String {
        guard self.json else { return "  \(listed.local(time))  \(listed.utc(time))" }
        return OptionValue.object([
            .init(key: "name", value: .string(listed.schedule.name)),
            .init(key: "next", value: .string(listed.local(time))),
            .init(key: "next_utc", value: .string(listed.utc(time))),
        ]).json
    }
}
