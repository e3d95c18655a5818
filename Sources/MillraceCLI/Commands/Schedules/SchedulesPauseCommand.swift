import ArgumentParser
import Millrace
import MillraceAdmin

struct SchedulesPauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Have a running supervisor not tick a schedule until it is resumed.",
        discussion: """
            Other supervisors of the file go on ticking it: for none of them to, pause it in each. Times that pass meanwhile are \
            made good, or not, as catch_up and deadline say, when it goes on.
            """
    )

    @OptionGroup var control: ControlOptions
    @OptionGroup var change: ChangeOptions

    @Argument(help: "The schedule.")
    var name: String

    func run() throws {
        try self.control.ask(.post, ["api", "v1", "schedules", self.name, "pause"], self.change.query)
    }
}

struct SchedulesResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Have a running supervisor tick a schedule again that was paused."
    )

    @OptionGroup var control: ControlOptions

    @Argument(help: "The schedule.")
    var name: String

    @Option(help: "Why; `millrace history` shows it.")
    var reason: String?

    func run() throws {
        try self.control.ask(.post, ["api", "v1", "schedules", self.name, "resume"], [("reason", self.reason)])
    }
}

/// What the supervisor of a file that runs on this machine has paused, for people; nothing if there is none.
enum PausedSchedules {
    static func ask(_ path: String, _ file: JobFile) -> [String: String] {
        guard let control = file.control else { return [:] }
        let client = ControlClient(socket: RunDoors.place(path, control).path)
        let answer = try? client.ask(.get, "/api/v1/schedules", wantsText: false, patience: .seconds(2))
        guard let answer, answer.status == 200 else { return [:] }
        return Self.read(answer.body)
    }

    /// Of an answer: who is paused, and why.
    static func read(_ body: String) -> [String: String] {
        guard case .object(let root)? = OptionValue(json: body),
            case .array(let schedules)? = root.first(where: { $0.key == "schedules" })?.value
        else { return [:] }
        var paused: [String: String] = [:]
        for case .object(let schedule) in schedules {
            func member(_ key: String) -> OptionValue? { schedule.first { $0.key == key }?.value }
            guard case .string(let name)? = member("name"), case .object(let note)? = member("pause_override") else {
                continue
            }
            func text(_ key: String) -> String? {
                if case .string(let text)? = note.first(where: { $0.key == key })?.value { text } else { nil }
            }
            let reason = text("reason").map { ", \"\($0)\"" } ?? ""
            paused[name] = "paused by \(text("by") ?? "somebody")\(reason)"
        }
        return paused
    }
}
