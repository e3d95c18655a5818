public import ArgumentParser
import Glibc
public import Logging
import Millrace

extension Logger.Level: @retroactive ExpressibleByArgument {}

struct LoggingOptions: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable { case human, json }

    @Option(help: "human, or json: one object per line. Default: human.")
    var logFormat = Format.human

    @Option(help: "The least level that is logged: trace, debug, info, notice, warning, error, critical.")
    var logLevel = Logger.Level.info

    /// For commands that say themselves what happens: errors alone.
    static var errors: Logger { Logger(label: "millrace") { _ in LineLogHandler(format: .human, level: .error) } }

    /// Logs to standard error.
    ///
    /// - Parameter sink: As ``makeErrors()`` gives it, for what must not wait for who reads; else each line is waited for.
    /// - Returns: The logger.
    func makeLogger(_ sink: OutputSink? = nil) -> Logger {
        let format = self.logFormat
        let level = self.logLevel
        return Logger(label: "millrace") { _ in LineLogHandler(format: format, level: level, sink: sink) }
    }

    /// Standard error, for who must not wait for it.
    func makeErrors() -> OutputSink {
        let format = self.logFormat
        return OutputSink(STDERR_FILENO) { count in
            let lines = count == 1 ? "1 line is" : "\(count) lines are"
            let line = LogLine(
                time: LineLogHandler.timestamp(),
                level: .warning,
                message: "\(lines) missing here: standard error was full",
                metadata: [:]
            )
            return format == .json ? line.json : line.human(isColored: false)
        }
    }
}
