import ArgumentParser
import Millrace

struct FailedRetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Put messages back in the job's queue, as new: their attempts count from 1 again."
    )

    @OptionGroup var arguments: FailedArguments

    @Argument(help: "The messages, as `list` names them.")
    var ids: [String] = []

    @Flag(help: "All that were there when the command began and did not come from another queue.")
    var all = false

    @Option(help: "Look at this many at most.")
    var limit: Int?

    func validate() throws {
        if self.ids.isEmpty, !self.all { throw ValidationError("name messages, or say --all") }
        if !self.ids.isEmpty, self.all { throw ValidationError("either name messages or say --all") }
        if let limit, limit < 1 { throw ValidationError("--limit takes a number from 1") }
    }

    func run() throws {
        try self.arguments.open { box, _ in
            let limit = min(self.limit ?? .max, try box.count())
            let refused = self.all ? try self.retryAll(box, limit) : try self.retryNamed(box, limit)
            if refused > 0 { throw ExitCode(1) }
        }
    }

    private func retryNamed(_ box: FailedMessageBox, _ limit: Int) throws -> Int {
        let done = try box.replay(box.find(self.ids, atMost: limit))
        try box.putBack()
        self.report(done.refused, box)
        StandardOutput.line("\(done.sent) sent to '\(box.jobQueue)'")
        return done.refused.count
    }

    /// Some at a time: bodies may be large and messages many.
    private func retryAll(_ box: FailedMessageBox, _ limit: Int) throws -> Int {
        var left = limit
        var sent = 0
        var refused = 0
        var strangers = 0
        while left > 0 {
            let messages = try box.take(min(left, 100), bytes: 8 << 20)
            if messages.isEmpty { break }  // others took them
            left -= messages.count
            let own = messages.filter { $0.mayHaveCome(from: box.jobQueue) }
            strangers += messages.count - own.count
            let done: FailedReplay
            do throws(FailedReplayError) {
                done = try box.replay(own)
            } catch {
                if sent > 0 { StandardOutput.line("\(sent) sent to '\(box.jobQueue)'") }
                throw error
            }
            self.report(done.refused, box)
            sent += done.sent
            refused += done.refused.count
            if done.sent == 0, !done.refused.isEmpty {
                if left > 0 { StandardError.write("none of these went; up to \(left) more were not tried") }
                break
            }
        }
        try box.putBack()
        if strangers > 0 {
            StandardError.write("\(strangers) came from other queues and stay; by name they can be sent all the same")
        }
        StandardOutput.line("\(sent) sent to '\(box.jobQueue)'")
        return refused
    }

    private func report(_ refused: [FailedReplay.Refusal], _ box: FailedMessageBox) {
        for refusal in refused {
            StandardError.write(
                "\(refusal.id) stays in '\(box.queue)': \(refusal.reason)"
            )
        }
    }
}
