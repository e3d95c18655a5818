public import ArgumentParser
import Glibc
public import Logging

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
    func makeLogger() -> Logger {
        let format = self.logFormat
        let level = self.logLevel
        return Logger(label: "millrace") { _ in LineLogHandler(format: format, level: level) }
    }
}
