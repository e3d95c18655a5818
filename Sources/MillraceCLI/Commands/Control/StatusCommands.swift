import AMQPClient
import ArgumentParser
import Millrace
import MillraceAdmin

/// Commands that ask a running supervisor, and change nothing.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Say how a running supervisor stands: file, connection, jobs, and what was changed by hand.",
        discussion: """
            The first line is the job file that runs, or that the last one could not be read. Status 0 if all is well, 1 if \
            something is not, 3 if nobody is at the socket. With --fleet every supervisor that has the job file's `control: { fleet: NAME }` \
            is asked over the broker; status 1 if there is none, if one does not answer, is not ready, or has another build or file.
            """
    )

    @OptionGroup var control: ControlOptions

    @Argument(help: "One job; all unless given.")
    var job: String?

    @Option(help: "Columns of the terminal.")
    var width = 80

    @Flag(help: "Ask all supervisors of the job file's fleet, over the broker.")
    var fleet = false

    @Option(help: "With --fleet: how long they have to answer.")
    var wait = DurationArgument(.seconds(1))

    @Option(help: "With --fleet: how many there should be.")
    var expect: Int?

    func validate() throws {
        if !self.fleet, self.expect != nil { throw ValidationError("--expect goes with --fleet") }
        if self.fleet, self.job != nil { throw ValidationError("--fleet shows all jobs") }
    }

    func run() throws {
        if self.fleet {
            return try FleetStatus(control: self.control, wait: self.wait.duration, expected: self.expect).run()
        }
        let path = self.job.map { ["api", "v1", "jobs", $0] } ?? ["api", "v1", "status"]
        try self.control.ask(.get, path, [("width", "\(self.width)")])
    }
}

struct DumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Say what every worker does: its state, what it has in hand and for how long, message and attempt."
    )

    @OptionGroup var control: ControlOptions

    @Argument(help: "One job; all unless given.")
    var job: String?

    func run() throws {
        try self.control.ask(.get, self.job.map { ["api", "v1", "jobs", $0, "dump"] } ?? ["api", "v1", "dump"])
    }
}

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say why a job is slow, or does nothing, with numbers, and the command that helps.",
        discussion: """
            It is looked at in this order: broker, connection, the job's state, handlers that hang or fail, the rate limit, \
            what handlers call, prefetch, threads. Status 0 if all work or there is nothing to do, else 1.
            """
    )

    @OptionGroup var control: ControlOptions
    @OptionGroup var broker: BrokerWait

    @Argument(help: "One job; all unless given.")
    var job: String?

    func run() throws {
        let path = self.job.map { ["api", "v1", "jobs", $0, "explain"] } ?? ["api", "v1", "explain"]
        try self.control.ask(.get, path, self.broker.query)
    }
}

/// How long a question to the broker may take.
struct BrokerWait: ParsableArguments {
    @Option(help: "How long the broker may answer nothing: 5s for one that is far away; 60ms unless given.")
    var wait: DurationArgument?

    var query: [(name: String, value: String?)] { [("wait", self.wait.map { DurationText.write($0.duration) })] }
}

struct ReadyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ready",
        abstract: "Say whether every job that is not paused consumes, by the exit status: for probes.",
        discussion: """
            Status 0 if so; 1 if not, with what is missing; 3 if nobody is at the socket. With --live it is asked only whether the \
            supervisor goes round, whatever its broker and its jobs do: who restarts what is not live loses no message to a broker \
            that is away.
            """
    )

    @OptionGroup var control: ControlOptions

    @Flag(help: "Only whether the supervisor goes round: for probes that restart it.")
    var live = false

    func run() throws { try self.control.ask(.get, [self.live ? "livez" : "readyz"]) }
}

struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Say what was changed of a running supervisor, by whom and why; the last 200 changes."
    )

    @OptionGroup var control: ControlOptions

    func run() throws { try self.control.ask(.get, ["api", "v1", "history"]) }
}

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what a job file would change of a running supervisor, in its jobs and on its broker.",
        discussion: """
            Each job is unchanged, changed in place (its threads, its pause), has its workers replaced between two messages, is \
            added or removed. The supervisor reads the file, so that it is checked where it would run. Nothing is changed; the \
            plan's number makes `reload --plan` do just this or nothing.
            """
    )

    @OptionGroup var control: ControlOptions
    @OptionGroup var broker: BrokerWait

    @Argument(help: "The job file; the one that runs unless given.", completion: .file())
    var newFile: String?

    func run() throws {
        try self.control.ask(
            .get,
            ["api", "v1", "plan"],
            [("file", self.newFile.map(RunDoors.absolute))] + self.broker.query
        )
    }
}
