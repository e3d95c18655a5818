import AMQPClient
import ArgumentParser
import Glibc
import Millrace
import NIOPosix

/// `status --fleet`: asks over the broker of the job file.
struct FleetStatus {
    let control: ControlOptions
    let wait: Duration
    let expected: Int?

    /// - Throws: The exit status: 1 if something is not as it should be, 69 and 77 as other commands that need the broker.
    func run() throws {
        var argument = JobFileArgument()
        argument.file = self.control.file
        let file = try argument.load()
        guard let fleet = file.control?.fleet else {
            StandardError.write("\(self.control.file) has no control: { fleet: NAME }, by which supervisors are found")
            throw ExitCode(78)
        }
        let view: FleetView
        do {
            let connection = try self.connect(file.reachable(self.control.file))
            defer { connection.close() }
            view = try FleetAsker(connection)
                .ask(fleet, wait: self.wait, expected: self.expected, queues: file.jobs.map(\.queue))
        } catch let error as AMQPError {
            StandardError.write("\(error)")
            throw ExitCode.ofRequest(error)
        } catch let error as FailoverError {
            StandardError.block("\(error)")
            throw error.failures.allSatisfy(\.error.isRefusalOfUser) ? ExitCode.noPermission : .unavailable
        }
        let text = self.control.json ? view.value.json + "\n" : view.text(now: Int64(time(nil)))
        try StandardOutput.block(text, terminator: "")
        if view.isDegraded { throw ExitCode(1) }
    }

    private func connect(_ file: JobFile) throws -> Connection {
        var options = ConnectionOptions()
        options.name = "millrace status --fleet"
        return try Connection.connect(
            toAny: try file.connection.uris.map { try file.connection.endpoint($0) },
            options: options,
            on: MultiThreadedEventLoopGroup(numberOfThreads: 1),
            logger: LoggingOptions.errors
        )
    }
}
