import AMQPClient
import ArgumentParser
import MillraceAdmin
import Millrace

/// Why something is changed, and for how long.
struct ChangeOptions: ParsableArguments {
    @Option(name: .customLong("for"), help: "Undo it after this time by itself: 90s, 2h, 1h30m.")
    var time: DurationArgument?

    @Option(help: "Why; it is shown wherever the change is.")
    var reason: String?

    var query: [(name: String, value: String?)] {
        [("for", self.time.map { DurationText.write($0.duration) }), ("reason", self.reason)]
    }
}

/// A job, or all of them.
struct JobChoice: ParsableArguments {
    @Argument(help: "The job.")
    var job: String?

    @Flag(help: "Every job.")
    var all = false

    func validate() throws {
        if self.all == (self.job != nil) { throw ValidationError("name a job, or write --all") }
    }

    /// The path of what is done to it.
    func path(_ what: String) -> [String] {
        self.job.map { ["api", "v1", "jobs", $0, what] } ?? ["api", "v1", what]
    }
}

struct ScaleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract:
            "Give a job so many threads: N, MIN..MAX for as many as its backlog asks for, or auto for what its file says.",
        discussion: """
            More start at once. Fewer: a thread leaves between two messages, and what it has not begun goes back to the queue. \
            It holds until the process ends (with control: { state: … } in the job file beyond that), until --for is over, or \
            until a file that says other threads is read.
            """
    )

    @OptionGroup var control: ControlOptions
    @OptionGroup var change: ChangeOptions

    @Argument(help: "The job.")
    var job: String

    @Argument(help: "8, 2..16 or auto.")
    var threads: String

    func run() throws {
        try self.control.ask(
            .post,
            ["api", "v1", "jobs", self.job, "scale"],
            [("threads", self.threads)] + self.change.query
        )
    }
}

struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Have a job begin nothing more until it is resumed; what its handlers have goes on.",
        discussion: "What was prefetched and is not begun goes back to the queue at once, for other supervisors."
    )

    @OptionGroup var control: ControlOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var choice: JobChoice

    func run() throws { try self.control.ask(.post, self.choice.path("pause"), self.change.query) }
}

struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Have a job that rests go on; also one that its file pauses."
    )

    @OptionGroup var control: ControlOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var choice: JobChoice

    func run() throws { try self.control.ask(.post, self.choice.path("resume"), self.change.query) }
}

struct QuietCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quiet",
        abstract: "Have every job begin nothing more, as before a shutdown; the process and its connection stay.",
        discussion: "The same as pause --all, and as SIGTSTP; resume --all undoes it."
    )

    @OptionGroup var control: ControlOptions
    @OptionGroup var change: ChangeOptions

    func run() throws { try self.control.ask(.post, ["api", "v1", "quiet"], self.change.query) }
}

struct RestartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract:
            "Replace a job's workers between two messages, with new channels and handlers; a failed job is tried again."
    )

    @OptionGroup var control: ControlOptions

    @Argument(help: "The job.")
    var job: String

    func run() throws { try self.control.ask(.post, ["api", "v1", "jobs", self.job, "restart"]) }
}

struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Have a running supervisor read its job file again, or another one, and change what is different.",
        discussion: """
            Jobs that are the same go on with their channels and what they have in hand. A file that is wrong changes nothing: \
            its errors are printed, with status 78, and `status` has them in its first line. SIGHUP does the same.
            """
    )

    @OptionGroup var control: ControlOptions

    @Option(help: "Only if this plan is still right; `millrace plan` prints its number.")
    var plan: String?

    @Argument(help: "The job file; the one that runs unless given.", completion: .file())
    var newFile: String?

    func run() throws {
        try self.control.ask(
            .post,
            ["api", "v1", "reload"],
            [("plan", self.plan), ("file", self.newFile.map(RunDoors.absolute))]
        )
    }
}
