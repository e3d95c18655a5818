import AMQPClient
import ArgumentParser
import CMillraceSystem
import Glibc
import Logging
import Millrace
import MillraceAdmin
import MillraceEmbedded

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the jobs of a file until stopped.",
        discussion: """
            Connects, declares the file's exchanges and queues, and starts each job's threads. A job whose queue can \
            not be had fails alone. When the connection is lost it is made again, with growing pauses.

            With `connection: { uri: embedded }` the broker is in this process, in memory: for development and tests. The first \
            line of the log has its address, for any client; the other commands find it by the job file.

            SIGTERM or Ctrl-C drains: consumers are cancelled, what was not begun is given back, running handlers \
            finish within shutdown_timeout. A second signal ends at once. SIGHUP reads the file again, SIGTSTP has every \
            job rest, SIGUSR1 writes to the log how all stand. `millrace status` and the other commands speak to it through a \
            socket of this user's own, which the log names.
            """
    )

    @OptionGroup var file: JobFileArgument
    @OptionGroup var logging: LoggingOptions

    @Flag(
        help: """
            End once every job's queue is empty and nothing is in hand or waits; else say what is left, with status 1.
            """
    )
    var once = false

    @Option(help: "End with a drain after so many messages; what is in hand then is finished.")
    var maxMessages: Int?

    @Option(help: "End with a drain after this time: 1h, 90s.")
    var maxTime: DurationArgument?

    @Option(help: "End with a drain when there was nothing to do for this time.")
    var maxIdle: DurationArgument?

    @Option(
        help: "End with a drain when the process holds so many MiB of memory, for whoever starts it to start it anew."
    )
    var maxMemory: Int?

    @Option(help: "Print a table of the jobs to standard output so often: 2s, 500ms; a number alone is seconds.")
    var table: DurationArgument?

    @Option(
        help: """
            Write the jobs' counts to this file, as JSON, at the end. It is opened before anything is started; what is there \
            and is no report is not written over.
            """
    )
    var report: String?

    func validate() throws {
        if let table, !(Duration.milliseconds(1)...Duration.seconds(3600)).contains(table.duration) {
            throw ValidationError("--table takes a duration from 1ms to 1h")
        }
        if let maxMessages, maxMessages < 1 { throw ValidationError("--max-messages takes a number from 1") }
        if let maxMemory, !(1...1_048_576).contains(maxMemory) {
            throw ValidationError("--max-memory takes MiB, from 1 to 1048576")
        }
        for (name, time) in [("--max-time", self.maxTime), ("--max-idle", self.maxIdle)] {
            if let time, !(Duration.milliseconds(1)...Duration.seconds(86_400 * 365)).contains(time.duration) {
                throw ValidationError("\(name) takes a duration from 1ms to 365 days")
            }
        }
    }

    func run() throws {
        // Before any thread exists, so that every thread inherits the mask and one thread alone gets the signals.
        let signals = StopSignals()
        // Before the file is read: that may wait for a pipe, or for a plugin.
        let stopper = RunStopper(whenNothingRuns: self.once ? .abandoned : .clean)
        try signals.start({ stopper.stop() }, other: { stopper.answer($0) })
        millrace_keep_freed_memory()
        let draft = try self.file.read()
        let registry = draft.loadPlugins(beside: LinkedInHandlers.registry)
        let file = try self.file.finish(draft)
        let report = try self.openReport()
        let errors = self.logging.makeErrors()
        let logger = self.logging.makeLogger(errors)
        let table = self.table.map { _ in StatusTable(logger: logger) }
        let supervisor: Supervisor
        do throws(PluginError) {
            supervisor = try Supervisor(
                file: file,
                registry: registry,
                options: self.options(draft.digest(of: file)),
                logger: logger,
                onStatus: { table?.print($0.jobs) }
            )
        } catch {
            StandardError.write("\(error)")
            throw ExitCode(78)
        }
        Self.refuseExit()
        // Who asks at a door learns where the broker is.
        let refusal = supervisor.startBroker()
        let doors = refusal == nil ? RunDoors.open(supervisor, file, path: self.file.file, logger: logger) : nil
        stopper.runs(supervisor)
        let status = refusal ?? supervisor.run()
        doors?.close()
        LinkedInHandlers.endPrograms()
        let deadline = MonotonicClock.now() &+ Self.lastWords
        table?.finish(until: deadline)
        var failure = table?.failure
        do throws(OutputError) {
            try report?.write(
                StatusReport.text(supervisor.status.jobs, left: supervisor.messagesAtEnd),
                until: deadline
            )
        } catch {
            errors.write(PlainText.line("\(error)") + "\n")
            failure = error
        }
        errors.finish(until: deadline)
        // Not by return: a handler that never ends must not keep the process.
        fflush(nil)
        _exit(failure != nil && status == .clean ? ExitCode.ioError.rawValue : status.rawValue)
    }

    private func options(_ digest: String) -> SupervisorOptions {
        var options = SupervisorOptions(once: self.once, statusInterval: self.table?.duration)
        let path = self.file.file
        options.limits = RunLimits(
            messages: self.maxMessages,
            time: self.maxTime?.duration,
            idle: self.maxIdle?.duration,
            memory: self.maxMemory.map { $0 << 20 }
        )
        options.serviceManager = ServiceManager()
        options.fileIdentity = FileIdentity(path: path, digest: digest)
        options.build = VersionCommand.version
        options.startBroker = { try EmbeddedBrokerServer.start($0) }
        options.load = { JobFileArgument.loadNow($0) }
        options.renewConnection = { JobFileArgument.connectionNow(of: path) }
        return options
    }

    /// How long the end waits for who reads what was printed: nanoseconds.
    private static let lastWords: UInt64 = 500_000_000

    /// A handler that calls `exit` ends the others' work with its own: that is no success, whatever it says.
    private static func refuseExit() {
        atexit {
            StandardError.last("a handler has called exit: the process ends in the middle of its work")
            _exit(ExitCode.software.rawValue)
        }
    }

    private func openReport() throws -> ReportFile? {
        do throws(ReportFile.Refusal) {
            return try self.report.map(ReportFile.open)
        } catch {
            StandardError.write("\(error); nothing was started")
            throw ExitCode.cannotCreate
        }
    }
}
