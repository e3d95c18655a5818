import AMQPClient
import ArgumentParser
import Glibc
import Millrace

/// The `millrace` command.
@main
struct MillraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "A job runner for RabbitMQ and other AMQP 0-9-1 brokers.",
        discussion: """
            Jobs are described in a YAML file: a queue, a handler from a Swift plugin, a number of threads. \
            `millrace check jobs.yaml` says whether the file is right, `millrace run jobs.yaml` runs it.

            Exit status: 0 clean, 1 something was abandoned, failed, degraded or refused, 3 no supervisor at the socket, 64 wrong arguments, 69 broker unavailable, \
            70 internal error, 73 the report can not be made, 74 output could not be written or input not be read, \
            77 the broker's user may not do it, or its password is wrong, 78 wrong job file or plugin.
            """,
        version: VersionCommand.text,
        subcommands: [
            RunCommand.self, CheckCommand.self, DeclareCommand.self, PublishCommand.self, FailedCommand.self,
            DelaysCommand.self, StatusCommand.self, TopCommand.self, ScaleCommand.self, PauseCommand.self,
            ResumeCommand.self,
            QuietCommand.self, DrainCommand.self, PlanCommand.self, ReloadCommand.self, RestartCommand.self,
            RebalanceCommand.self,
            DumpCommand.self, ExplainCommand.self, ReadyCommand.self, HistoryCommand.self, SchedulesCommand.self,
            SchemaCommand.self, NewCommand.self, BrokerCommand.self,
            VersionCommand.self,
        ]
    )

    static func main() {
        signal(SIGPIPE, SIG_IGN)  // a reader that is gone is an error of the write
        Descriptor.secureStandardStreams()
        do {
            try Self.refuseOctets()
            try Self.refuseUnknownCommand(CommandLine.arguments.dropFirst().first)
            var command = try Self.parse(Array(CommandLine.arguments.dropFirst()))
            try command.run()
            try StandardOutput.finish()
        } catch {
            Self.end(error)
        }
    }

    /// What is wrong is said of arguments that can be shown: a line feed in one of them would begin a line of its own.
    private static func parse(_ arguments: [String]) throws -> any ParsableCommand {
        do {
            return try Self.parseAsRoot(arguments)
        } catch {
            let shown = arguments.map { PlainText.line($0) }
            if shown != arguments { _ = try Self.parseAsRoot(shown) }
            throw error
        }
    }

    /// Arguments are texts: octets that are none would be changed without a word.
    private static func refuseOctets() throws {
        // Nobody changes them.
        for index in 0..<Int(CommandLine.argc) {
            guard let argument = unsafe CommandLine.unsafeArgv[index] else { continue }
            if unsafe String(validatingCString: argument) == nil {
                throw ValidationError("argument \(index) is not UTF-8; a body of any octets goes by standard input")
            }
        }
    }

    private static func refuseUnknownCommand(_ word: String?) throws {
        let names = Self.configuration.subcommands.compactMap { $0.configuration.commandName }
        guard let word, !word.hasPrefix("-"), word != "help", !names.contains(word) else { return }
        let nearest = NearestName.of(word, among: names).map { "did you mean '\($0)'?" }
        throw ValidationError(
            "there is no command '\(PlainText.line(word))'; \(nearest ?? "there are \(names.joined(separator: ", "))")"
        )
    }

    /// As ``exit(withError:)``, but what a command was asked to print has to be written.
    private static func end(_ error: any Error) -> Never {
        var error = error
        let text = Self.fullMessage(for: error)
        if !(error is OutputError), Self.exitCode(for: error).isSuccess {
            do {
                if !text.isEmpty { try StandardOutput.block(text) }
                try StandardOutput.finish()
                Glibc.exit(0)
            } catch let failure {
                error = failure
            }
        }
        if let failure = error as? OutputError {
            StandardError.write("\(failure)")
            Glibc.exit(ExitCode.ioError.rawValue)
        }
        if !text.isEmpty { StandardError.block(text) }
        Glibc.exit(Self.exitCode(for: error).rawValue)
    }
}

/// As `sysexits.h` has them.
extension ExitCode {
    /// 64: wrong arguments.
    static let usage = ExitCode(64)
    /// 69: no broker.
    static let unavailable = ExitCode(69)
    /// Whose fault it is that a broker does not do what a job file says: 69, 77 or 78.
    static func of(_ errors: [AMQPError]) -> ExitCode { ExitCode(ExitStatus.of(errors).rawValue) }

    /// Of a command whose one request was not done: 69 without a broker, 77 without a permission, else 1.
    static func ofRequest(_ error: AMQPError) -> ExitCode {
        if error.isRefusalOfUser { return .of([error]) }
        return error.scope == .connection ? .unavailable : ExitCode(1)
    }

    /// 70: something that should not happen has happened.
    static let software = ExitCode(70)
    /// 73: a file that the user named can not be made.
    static let cannotCreate = ExitCode(73)
    /// 74: something could not be written, or read.
    static let ioError = ExitCode(74)
    /// 77: the broker lets this user not do it.
    static let noPermission = ExitCode(77)
}
