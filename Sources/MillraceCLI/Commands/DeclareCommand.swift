import AMQPClient
import AMQPWire
import ArgumentParser
import Millrace

struct DeclareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "declare",
        abstract: "Declare the exchanges, queues and bindings of a job file, and start nothing."
    )

    @OptionGroup var file: JobFileArgument
    @OptionGroup var logging: LoggingOptions

    func run() throws {
        let file = try self.file.load().reachable(self.file.file)
        let failures: [DeclarationFailure]
        do throws(AMQPError) {
            failures = try file.declareTopology(logger: self.logging.makeLogger())
        } catch {
            StandardError.write("\(error)")
            throw ExitCode.of([error])
        }
        guard failures.isEmpty else {
            for failure in failures { StandardError.write("\(failure)") }
            throw ExitCode.of(failures.map(\.error))
        }
        try StandardOutput.line(
            "declared \(Plural.of(file.exchanges.count, "exchange")) and \(Plural.of(file.queues.count, "queue"))"
        )
    }
}
