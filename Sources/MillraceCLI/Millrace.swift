import ArgumentParser

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
}
