import AMQPClient
import ArgumentParser
import Glibc
import Logging
import Millrace
import NIOPosix

struct FailedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "failed",
        abstract: "Look at a job's dead letters, try them again, or remove them.",
        discussion: """
            Messages are named by their message-id, or by a hash of ours (~ and 16 digits) where they have none; \
            `list` shows it. Looking takes the messages out for a moment and puts them back in their order. Nothing is \
            removed from the dead-letter queue before the broker has confirmed its copy, so a message may come twice \
            when the connection ends in between, and is never lost.
            """,
        subcommands: [
            FailedListCommand.self, FailedShowCommand.self, FailedRetryCommand.self, FailedRemoveCommand.self,
            FailedPurgeCommand.self,
        ]
    )
}

/// Which job's dead letters, and where.
struct FailedArguments: ParsableArguments {
    @Argument(help: "The job, as the job file calls it.")
    var job: String

    @Option(help: "The job file.")
    var file = "jobs.yaml"

    @Option(help: "The dead-letter queue; without it the job file says.")
    var queue: String?

    /// Opens the box, runs `body`, and closes the connection: what was not settled is put back by the broker.
    func open<R>(_ body: (FailedMessageBox) throws -> R) throws -> R {
        signal(SIGPIPE, SIG_IGN)
        var argument = JobFileArgument()
        argument.file = self.file
        let file = try argument.load()
        guard let job = file.jobs.first(where: { $0.name == self.job }) else {
            StandardError.write(
                "there is no job '\(self.job)' in \(self.file); there are "
                    + file.jobs.map(\.name).joined(separator: ", ")
            )
            throw ExitCode(64)
        }
        do {
            let connection = try self.connect(file)
            defer { connection.close() }
            return try body(FailedMessageBox(of: job, in: file, queue: self.queue, on: connection.openChannel()))
        } catch let error as AMQPError {
            StandardError.write("\(error)")
            throw ExitCode(error.scope == .connection ? 69 : 1)
        } catch let error as FailoverError {
            StandardError.write("\(error)")
            throw ExitCode(69)
        } catch let error as FailedMessageError {
            StandardError.write("\(error)")
            throw ExitCode(64)
        }
    }

    private func connect(_ file: JobFile) throws -> Connection {
        var options = ConnectionOptions()
        options.name = "millrace failed"
        var logger = Logger(label: "millrace")
        logger.logLevel = .error
        var endpoints: [Endpoint] = []
        for uri in file.connection.uris { endpoints.append(try file.connection.endpoint(uri)) }
        return try Connection.connect(
            toAny: endpoints,
            options: options,
            on: MultiThreadedEventLoopGroup(numberOfThreads: 1),
            logger: logger
        )
    }
}

/// Which messages of them.
struct FailedSelection: ParsableArguments {
    @Argument(help: "The messages, as `list` names them.")
    var ids: [String] = []

    @Flag(help: "All that were there when the command began.")
    var all = false

    @Option(help: "Look at this many at most.")
    var limit = 10_000

    func validate() throws {
        if self.ids.isEmpty, !self.all { throw ValidationError("name messages, or say --all") }
        if !self.ids.isEmpty, self.all { throw ValidationError("either name messages or say --all") }
        if self.limit < 1 { throw ValidationError("--limit takes a number from 1") }
    }

    /// Takes the chosen messages in hand; status 1 if one is not there, with nothing done.
    func take(from box: FailedMessageBox) throws -> [FailedMessage] {
        let messages = try box.take(min(self.limit, box.count()))
        if self.all { return messages }
        let known = Set(messages.map(\.id))
        let missing = self.ids.filter { !known.contains($0) }
        guard missing.isEmpty else {
            try box.putBack()
            StandardError.write("not in '\(box.queue)': \(missing.joined(separator: ", ")); nothing was done")
            throw ExitCode(1)
        }
        let wanted = Set(self.ids)
        return messages.filter { wanted.contains($0.id) }
    }
}
