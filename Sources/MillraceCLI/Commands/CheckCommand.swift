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

            With --unit it also says whether who starts the supervisor waits for its end: TimeoutStopSec, WatchdogSec and KillMode of a \
            systemd unit, terminationGracePeriodSeconds of a Kubernetes manifest, stop_grace_period of a Compose file. What is too \
            short is status 78 too, with what to write.
            """
    )

    @OptionGroup var file: JobFileArgument

    @Flag(help: "Make no handlers: for those that need, to be made, what this machine does not have.")
    var noInit = false

    @Option(
        help: "A systemd unit, Kubernetes manifest or Compose file to compare with; may be repeated.",
        completion: .file()
    )
    var unit: [String] = []

    func run() throws {
        let draft = try self.file.read()
        let registry = draft.loadPlugins(beside: LinkedInHandlers.registry)
        if !self.noInit { draft.tryHandlers(registry, logger: LoggingOptions.errors) }
        draft.checkTLSFiles()
        draft.checkCrashLedger()
        let file = try self.file.finish(draft)
        if let embedded = file.connection.embedded {
            try StandardOutput.line(
                "broker: in the supervisor's process and in memory, as RabbitMQ \(embedded.release); nothing survives its end"
            )
        }
        for job in file.jobs {
            let threads = Plural.of(job.threads, "thread")
            let names = job.queues.map { "'\($0)'" }.joined(separator: ", ")
            try StandardOutput.line(
                "\(job.name): \(job.queues.count == 1 ? "queue" : "queues") \(names), handler \(job.handler), \(threads) × prefetch \(job.prefetch)"
            )
        }
        for schedule in file.schedules {
            let listed = try ListedSchedule(schedule)
            try StandardOutput.line("schedule \(listed.line)")
        }
        let end = EndTime(file)
        let unitErrors = try self.unit.reduce(0) { try $0 + self.compare($1, end) }
        let threads = file.jobs.reduce(0) { $0 + $1.threads }
        let found = file.warnings.isEmpty ? "nothing to complain about" : Plural.of(file.warnings.count, "warning")
        try StandardOutput.line(
            "\(self.file.file): \(Plural.of(file.jobs.count, "job")), \(Plural.of(threads, "thread")) and"
                + " \(threads == 1 ? "channel" : "channels"); \(found)"
        )
        if unitErrors > 0 { throw ExitCode(78) }
    }

    /// Says what a unit has to say about the end.
    ///
    /// - Returns: How much of it is wrong.
    private func compare(_ path: String, _ end: EndTime) throws -> Int {
        do {
            let text = String(decoding: try JobFileBytes.read(path), as: UTF8.self)
            let findings = try UnitFile(path: path, text: text).findings(end)
            for finding in findings {
                if finding.isError {
                    StandardError.block(finding.text(path))
                } else {
                    try StandardOutput.line(finding.text(path))
                }
            }
            return findings.count { $0.isError }
        } catch let error as JobFileError {
            StandardError.block(error.description)
        } catch let error as YAMLProblem {
            StandardError.block(error.description)
        }
        return 1
    }
}
