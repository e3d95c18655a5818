import AMQPClient
import ArgumentParser
import Millrace

/// Whom `status --fleet` and `top --fleet` ask, and where: the supervisors of a job file's fleet, over its broker.
struct FleetQuestion: Sendable {
    private let file: JobFile
    let fleet: String
    private let wait: Duration
    private let expected: Int?
    /// What the broker shows of who asks.
    private let asker: String

    /// - Parameters:
    ///   - control: Names the job file.
    ///   - wait: How long supervisors have to answer.
    ///   - expected: How many there should be, if somebody knows.
    ///   - asker: What the broker shows.
    /// - Throws: The exit status, with the reason told.
    init(_ control: ControlOptions, wait: Duration, expected: Int?, asker: String) throws {
        var argument = JobFileArgument()
        argument.file = control.file
        let file = try argument.load()
        guard let fleet = file.control?.fleet else {
            StandardError.write("\(control.file) has no control: { fleet: NAME }, by which supervisors are found")
            throw ExitCode(78)
        }
        (self.file, self.fleet, self.wait, self.expected, self.asker) = (
            try file.reachable(control.file), fleet, wait, expected, asker
        )
    }

    func connect() throws -> Connection { try self.file.connect(as: self.asker) }

    func ask(_ asker: FleetAsker) throws(AMQPError) -> FleetView {
        try asker.ask(
            self.fleet,
            wait: self.wait,
            expected: self.expected,
            queues: self.file.jobs.flatMap(\.queues)
        )
    }

    /// Asks once.
    ///
    /// - Throws: The exit status, with the reason told: 69 and 77 as other commands that need the broker.
    func askOnce() throws -> FleetView {
        do {
            let connection = try self.connect()
            defer { connection.close() }
            return try self.ask(try FleetAsker(connection))
        } catch let error as AMQPError {
            StandardError.write("\(error)")
            throw ExitCode.ofRequest(error)
        } catch let error as FailoverError {
            StandardError.block("\(error)")
            throw error.failures.allSatisfy(\.error.isRefusalOfUser) ? ExitCode.noPermission : .unavailable
        }
    }
}
