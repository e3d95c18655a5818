import ArgumentParser
import Millrace

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say whether a job file, its plugins and its certificates are right, without a broker.",
        discussion: "Reports every error at once, with file, line and column. Status 78 if there is one."
    )

    @OptionGroup var file: JobFileArgument

    func run() throws {
        let file = try self.file.load()
        _ = try file.loadPlugins()
        try file.checkTLSFiles()
        if let problem = file.crashLedgerProblem { StandardError.write("\(self.file.file): warning: \(problem)") }
        for job in file.jobs {
            try StandardOutput.line(
                "\(job.name): queue '\(job.queue)', handler \(job.handler), \(job.threads) threads × prefetch \(job.prefetch)"
            )
        }
        let threads = file.jobs.reduce(0) { $0 + $1.threads }
        try StandardOutput.line(
            "\(self.file.file): \(file.jobs.count) jobs, \(threads) threads and channels; nothing to complain about"
        )
    }
}
