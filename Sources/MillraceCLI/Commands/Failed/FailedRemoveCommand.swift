import AMQPClient
import AMQPWire
import ArgumentParser
import Glibc
import Millrace

struct FailedRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Remove messages for good: exactly those that are named."
    )

    @OptionGroup var arguments: FailedArguments

    @Argument(help: "The messages, as `list` names them.")
    var ids: [String]

    @Option(help: "Look at this many at most.")
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit takes a number from 1") }
    }

    func run() throws {
        try self.arguments.open { box, _ in
            let messages = try box.find(self.ids, atMost: self.limit ?? .max)
            try box.remove(messages)
            try box.putBack()
            try StandardOutput.line("\(messages.count) removed from '\(box.queue)'")
        }
    }
}

struct FailedPurgeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Remove all of a dead-letter queue for good, after asking on the terminal."
    )

    @OptionGroup var arguments: FailedArguments

    @Flag(help: "Do not ask.")
    var yes = false

    func run() throws {
        guard self.yes || isatty(STDIN_FILENO) == 1 else {
            StandardError.write("nothing was removed: there is no terminal to ask on; --yes does not ask")
            throw ExitCode(64)
        }
        try self.arguments.open { box, file in
            let jobs = file.jobs(withDeadLettersIn: box.queue)
            let shared = jobs.count > 1 ? " (of \(jobs.joined(separator: ", ")))" : ""
            if !self.yes {
                let question =
                    "Remove all of \(Plural.of(try box.count(), "message")) in '\(box.queue)'\(shared) for good? [y/N] "
                try StandardOutput.block(PlainText.line(question), terminator: "")
                guard ["y", "yes"].contains(readLine()?.lowercased()) else {
                    StandardError.write("nothing was removed")
                    throw ExitCode(1)
                }
            }
            let removed = try box.purge()
            box.noteOthers()
            try StandardOutput.line("\(removed) removed from '\(box.queue)'")
        }
    }
}
