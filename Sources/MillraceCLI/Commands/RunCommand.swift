import ArgumentParser
import CMillraceSystem
import Glibc
import Logging
import Millrace

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the jobs of a file until stopped.",
        discussion: """
            Connects, declares the file's exchanges and queues, and starts each job's threads. A job whose queue can \
            not be had fails alone. When the connection is lost it is made again, with growing pauses.

            SIGTERM or Ctrl-C drains: consumers are cancelled, what was not begun is given back, running handlers \
            finish within shutdown_timeout. A second signal ends at once.
            """
    )

    @OptionGroup var file: JobFileArgument
    @OptionGroup var logging: LoggingOptions

    @Flag(help: "End once every job's queue is empty and every delivery is settled.")
    var once = false

    @Option(help: "Print a table of the jobs to standard output every so many seconds.")
    var table: Double?

    @Option(
        help: """
            Write the jobs' counts to this file, as JSON, at the end. It is opened before anything is started; what is there \
            and is no report is not written over.
            """
    )
    var report: String?

    func validate() throws {
        if let table, !(table > 0 && table <= 3600) {
            throw ValidationError("--table takes seconds, more than 0 and at most 3600, not \(table)")
        }
    }

    func run() throws {
        // Before any thread exists, so that every thread inherits the mask and one thread alone gets the signals.
        let signals = StopSignals()
        millrace_keep_freed_memory()
        let file = try self.file.load()
        let registry = try file.loadPlugins()
        let report = try self.openReport()
        let logger = self.logging.makeLogger()
        let table = self.table.map { _ in StatusTable(logger: logger) }
        let supervisor: Supervisor
        do throws(PluginError) {
            supervisor = try Supervisor(
                file: file,
                registry: registry,
                options: SupervisorOptions(once: self.once, statusInterval: self.table.map { .seconds($0) }),
                logger: logger,
                onStatus: { table?.print($0) }
            )
        } catch {
            StandardError.write("\(error)")
            throw ExitCode(78)
        }
        try signals.start { supervisor.stop() }
        let status = supervisor.run()
        var failure = table?.failure
        do throws(OutputError) {
            try report?.write(StatusReport.text(supervisor.status))
        } catch {
            StandardError.write("\(error)")
            failure = error
        }
        // Not by return: a handler that never ends must not keep the process.
        fflush(nil)
        _exit(failure != nil && status == .clean ? ExitCode.ioError.rawValue : status.rawValue)
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
