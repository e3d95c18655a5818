import AMQPClient
import ArgumentParser
import MillraceAdmin
import Millrace

struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Have a supervisor finish what it has in hand and end, as SIGTERM does; or one job finish and rest.",
        discussion: """
            Of a job: it is paused, and the command waits until nothing of it is in hand, at most --timeout; status 1 if \
            something is then. `resume` has it go on.
            """
    )

    @OptionGroup var control: ControlOptions

    @Argument(help: "One job; the whole supervisor unless given.")
    var job: String?

    @Option(help: "How long to wait for a job's handlers.")
    var timeout: DurationArgument = .init(.seconds(60))

    @Option(help: "Why; it is shown wherever the pause is.")
    var reason: String?

    func run() throws {
        guard let job else { return try self.control.ask(.post, ["api", "v1", "drain"]) }
        // What is printed is whether it has drained.
        try self.control.ask(.post, ["api", "v1", "jobs", job, "pause"], [("reason", self.reason)], isQuiet: true)
        try self.control.ask(
            .get,
            ["api", "v1", "jobs", job, "drained"],
            [("wait", DurationText.write(self.timeout.duration))],
            patience: self.timeout.duration + .seconds(30)
        )
    }
}
