import AMQPClient
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
        let file = try self.file.load()
        do throws(AMQPError) {
            let failures = try file.declareTopology(logger: self.logging.makeLogger())
            for (name, error) in failures.sorted(by: { $0.key < $1.key }) { StandardError.write("\(name): \(error)") }
            if !failures.isEmpty { throw AMQPError(.refusedLocally, scope: .call, text: "") }
        } catch {
            if !error.text.isEmpty { StandardError.write("\(error)") }
            throw ExitCode(error.scope == .connection ? 69 : 1)
        }
        try StandardOutput.line("declared \(file.exchanges.count) exchanges and \(file.queues.count) queues")
    }
}
