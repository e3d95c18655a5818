import AMQPClient
import AMQPWire
import ArgumentParser
import Millrace

struct SchedulesRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Publish the message of a schedule now, beside its times, and wait for the broker's confirm.",
        discussion: "Ends with status 1 if the broker refused it or its queue is not there."
    )

    @OptionGroup var file: JobFileArgument

    @Argument(help: "The schedule.")
    var name: String

    func run() throws {
        let file = try self.file.load()
        let schedule = try ListedSchedule.named(self.name, in: file)
        let listed = try ListedSchedule(schedule)
        let now = ListedSchedule.now
        var properties = TickMessage.properties(schedule, now, in: listed.zone, now: UInt64(clamping: now / 1000))
        // For the job alone: the schedule's own times go on as they were.
        properties.headers?["BCC"] = nil
        do {
            let connection = try file.reachable(self.file.file).connect(as: "millrace schedules")
            defer { connection.close() }
            let channel = try connection.openChannel(outwaitsBlocks: false)
            try channel.selectConfirms()
            let message = OutgoingMessage(
                schedule.body,
                routingKey: schedule.queue,
                properties: properties,
                mandatory: true
            )
            try channel.publish(message, timeout: Self.patience)
            if let failure = try channel.awaitConfirms(timeout: Self.patience).first {
                let reason = failure.reason == .returned ? "there is no queue" : "the broker refused it for queue"
                StandardError.write("\(reason) '\(schedule.queue)'; nothing was published")
                throw ExitCode(1)
            }
        } catch let error as AMQPError {
            StandardError.write("\(error)")
            throw ExitCode.ofRequest(error)
        } catch let error as FailoverError {
            StandardError.block("\(error)")
            throw error.failures.allSatisfy(\.error.isRefusalOfUser) ? ExitCode.noPermission : .unavailable
        }
        try StandardOutput.line("published \(properties.messageID ?? "") to queue '\(schedule.queue)'")
    }

    private static let patience = Duration.seconds(30)
}
