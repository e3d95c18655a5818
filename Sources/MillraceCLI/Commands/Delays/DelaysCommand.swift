import AMQPClient
import AMQPWire
import ArgumentParser
import Millrace
import NIOPosix

struct DelaysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delays",
        abstract: "Look at the queues in which retries and snoozes wait, and remove those of a job that is gone.",
        discussion: """
            Each job queue has four, QUEUE.delay.0s, .1s, .16s and .256s, which nothing deletes by itself. QUEUE is the \
            job's queue; it need not be there any more.
            """,
        subcommands: [DelaysListCommand.self, DelaysRemoveCommand.self]
    )
}

extension BrokerOptions {
    /// Runs `body` with what opens connections, and tells why it fails.
    ///
    /// - Parameter body: Gets the opener.
    /// - Throws: The exit status, or what `body` throws.
    func run(_ body: (_ connect: @escaping () throws -> Connection) throws -> Void) throws {
        let endpoints = try self.endpoints()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let alarm = AlarmWatch()
        do {
            try body {
                var options = ConnectionOptions()
                options.name = "millrace delays"
                let logger = LoggingOptions.errors
                guard endpoints.count == 1 else {
                    return try Connection.connect(
                        toAny: endpoints,
                        options: options,
                        on: group,
                        logger: logger,
                        delegate: alarm
                    )
                }
                return try Connection.connect(
                    to: endpoints[0],
                    options: options,
                    on: group,
                    logger: logger,
                    delegate: alarm
                )
            }
        } catch let error as AMQPError {
            StandardError.write("\(error)")
            throw ExitCode.ofRequest(error)
        } catch let error as FailoverError {
            StandardError.block("\(error)")
            throw error.failures.allSatisfy(\.error.isRefusalOfUser) ? ExitCode.noPermission : .unavailable
        } catch let error as DelayCleanup.Refusal {
            StandardError.write("\(error)")
            throw ExitCode(1)
        }
    }
}

struct DelaysListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show how many messages wait in each delay queue.",
        discussion: "What a supervisor has in hand of them, up to 32 of each, is not counted."
    )

    @OptionGroup var broker: BrokerOptions

    @Argument(help: "The jobs' queues.")
    var queues: [String]

    @Flag(help: "One JSON object per line: queue, delay_queue, ready, consumers.")
    var json = false

    func run() throws {
        try self.broker.run { connect in
            var lines: [String] = []
            for queue in self.queues {
                let cleanup = try DelayCleanup(of: queue, connect: connect)
                defer { cleanup.close() }
                let found = try cleanup.look()
                if found.isEmpty, !self.json { lines.append(PlainText.line("'\(queue)' has no delay queues")) }
                for status in found { lines.append(PlainText.line(self.line(status, of: queue))) }
            }
            try StandardOutput.write(lines)
        }
    }

    private func line(_ status: DelayCleanup.Status, of queue: String) -> String {
        guard self.json else {
            return "\(status.name)  \(status.ready) waiting  \(Plural.of(status.consumers, "consumer"))"
        }
        return OptionValue.object([
            .init(key: "queue", value: .string(queue)), .init(key: "delay_queue", value: .string(status.name)),
            .init(key: "ready", value: .int(Int64(status.ready))),
            .init(key: "consumers", value: .int(Int64(status.consumers))),
        ]).json
    }
}

struct DelaysRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Remove the delay queues of a job queue that no supervisor works off any more.",
        discussion: """
            Refuses, with status 1, while a supervisor consumes them, and while messages wait in them unless --to says \
            where those go. A message is acked when the broker has confirmed its copy: it may be there twice when the \
            connection ends in between, and is never lost.
            """
    )

    @OptionGroup var broker: BrokerOptions

    @Argument(help: "The job's queue.")
    var queue: String

    @Option(help: "Move what waits to this queue now, without the rest of its wait: the job's own, or another.")
    var to: String?

    @Flag(help: "One JSON object per line and removed queue: queue, delay_queue, moved.")
    var json = false

    func run() throws {
        try self.broker.run { connect in
            let cleanup = try DelayCleanup(of: self.queue, connect: connect)
            defer { cleanup.close() }
            var removed = 0
            try cleanup.remove(movingTo: self.to) { status, moved in
                removed += 1
                try StandardOutput.line(self.line(status, moved))
            }
            if removed == 0, !self.json { try StandardOutput.line("'\(self.queue)' has no delay queues") }
        }
    }

    private func line(_ status: DelayCleanup.Status, _ moved: Int) -> String {
        guard self.json else {
            return "removed '\(status.name)'" + (moved > 0 ? ", \(moved) moved to '\(self.to ?? "")'" : "")
        }
        return OptionValue.object([
            .init(key: "queue", value: .string(self.queue)), .init(key: "delay_queue", value: .string(status.name)),
            .init(key: "moved", value: .int(Int64(moved))),
        ]).json
    }
}
