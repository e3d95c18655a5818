import AMQPClient
import ArgumentParser
import Glibc
import Millrace

struct FailedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "failed",
        abstract: "Look at a job's dead letters, try them again, or remove them.",
        discussion: """
            Messages are named by their message-id, or by a hash of ours (~ and 16 digits) where they have none; \
            `list` shows it. Looking takes the messages out for a moment and puts them back in their order, marked as \
            redelivered; what somebody else has in hand is not seen. Nothing is \
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
    ///
    /// - Parameter body: Gets the box and the job file.
    /// - Throws: What `body` throws, or the exit status, with the reason told.
    func open(_ body: (FailedMessageBox, JobFile) throws -> Void) throws {
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
            _ = try self.queue ?? file.deadLetterQueue(of: job)  // before a broker is needed
            let alarm = AlarmWatch()
            let connection = try file.reachable(self.file).connect(as: "millrace failed", telling: alarm)
            defer { connection.close() }
            let channel = try connection.openChannel()
            let box = try FailedMessageBox(of: job, in: file, queue: self.queue, on: channel, of: connection)
            do {
                try body(box, file)
            } catch {
                // The reason is told; what is in hand should neither be counted nor lose its place. A broker with an alarm
                // would not hear of it.
                if alarm.reason == nil { _ = try? box.putBack() }
                throw error
            }
        } catch let error as AMQPError {
            StandardError.write("\(error)")
            throw ExitCode.ofRequest(error)
        } catch let error as FailedReplayError {
            StandardError.write("\(error)")
            throw ExitCode.ofRequest(error.cause)
        } catch let error as FailoverError {
            StandardError.block("\(error)")
            throw error.failures.allSatisfy(\.error.isRefusalOfUser) ? ExitCode.noPermission : .unavailable
        } catch let error as FailedMessageError {
            StandardError.write("\(error)")
            throw ExitCode(64)
        }
    }
}

extension FailedMessageBox {
    /// Says that others have the queue too.
    func noteOthers() {
        guard self.otherConsumers > 0 else { return }
        let number = self.otherConsumers == 1 ? "another consumer" : "\(self.otherConsumers) other consumers"
        StandardError.write("'\(self.queue)' has \(number): what they have in hand is not seen here")
    }

    /// Takes the named messages in hand; status 1 if one is not there, with nothing done.
    func find(_ ids: [String], atMost limit: Int) throws -> [FailedMessage] {
        var pick = MessagePick(ids: ids)
        var found: [FailedMessage] = []
        try self.look(atMost: limit) { message in
            if pick.takes(message.id) { found.append(message) }
            return true
        }
        let missing = pick.missing
        guard missing.isEmpty else {
            try self.putBack()
            StandardError.write("not in '\(self.queue)': \(missing.joined(separator: ", ")); nothing was done")
            self.noteOthers()
            throw ExitCode(1)
        }
        return found
    }
}
