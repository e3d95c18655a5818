import AMQPClient
import ArgumentParser
import Glibc

/// The `millrace` command.
@main
struct MillraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace",
        abstract: "A job runner for RabbitMQ and other AMQP 0-9-1 brokers.",
        discussion: """
            Jobs are described in a YAML file: a queue, a handler from a Swift plugin, a number of threads. \
            `millrace check jobs.yaml` says whether the file is right, `millrace run jobs.yaml` runs it.

            Exit status: 0 clean, 1 something was abandoned or failed, 64 wrong arguments, 69 broker unavailable, \
            70 internal error, 78 wrong job file or plugin.
            """,
        subcommands: [
            RunCommand.self, CheckCommand.self, DeclareCommand.self, PublishCommand.self, FailedCommand.self,
            SchemaCommand.self, VersionCommand.self,
        ]
    )

    /// As ArgumentParser does it, but for what it prints: its messages quote the arguments.
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            var command = try Self.parse(arguments)
            try command.run()
        } catch {
            let text = Self.fullMessage(for: error)
            let code = Self.exitCode(for: error)
            if !text.isEmpty { code.isSuccess ? StandardOutput.block(text) : StandardError.block(text) }
            Glibc.exit(code.rawValue)
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
}
