import AMQPWire
import ArgumentParser
import Millrace

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say whether a job file, its plugins, handlers and certificates are right, without a broker.",
        discussion: """
            Reports every error at once, with file, line and column. Status 78 if there is one. Each job's handler is made once, \
            with its options, and let go: an option that is missing, or that it does not read, is found before the run.
            """
    )

    @OptionGroup var file: JobFileArgument

    @Flag(help: "Make no handlers: for those that need, to be made, what this machine does not have.")
    var noInit = false

    func run() throws {
        let draft = try self.file.read()
        let registry = draft.loadPlugins(beside: LinkedInHandlers.registry)
        if !self.noInit { draft.tryHandlers(registry, logger: LoggingOptions.errors) }
        draft.checkTLSFiles()
        draft.checkCrashLedger()
        let file = try self.file.finish(draft)
        for job in file.jobs {
            let threads = Plural.of(job.threads, "thread")
            try StandardOutput.line(
                "\(job.name): queue '\(job.queue)', handler \(job.handler), \(threads) × prefetch \(job.prefetch)"
            )
        }
        for schedule in file.schedules {
            let listed = try ListedSchedule(schedule)
            try StandardOutput.line("schedule \(listed.line)")
        }
        let threads = file.jobs.reduce(0) { $0 + $1.threads }
        let found = file.warnings.isEmpty ? "nothing to complain about" : Plural.of(file.warnings.count, "warning")
        try StandardOutput.line(
            "\(self.file.file): \(Plural.of(file.jobs.count, "job")), \(Plural.of(threads, "thread")) and"
                + " \(threads == 1 ? "channel" : "channels"); \(found)"
        )
    }

}
