import AMQPWire
import ArgumentParser
import Glibc
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
        let stop = try StopNote()  // before any thread exists, so that one thread alone gets the signals
        try self.arguments.open { box, _ in
            let limit = self.limit ?? .max
            let staying = self.all ? try self.retryAll(box, limit, stop) : try self.retryNamed(box, limit)
            if let signal = stop.signal {
                StandardError.write("stopped by \(signal == SIGINT ? "SIGINT" : "SIGTERM")")
                throw ExitCode(128 + signal)
            }
            if staying > 0 { throw ExitCode(1) }
        }
    }

    private func retryNamed(_ box: FailedMessageBox, _ limit: Int) throws -> Int {
        let done = try box.replay(box.find(self.ids, atMost: limit))
        try box.putBack()
        self.report(done.refused, box)
        try StandardOutput.line("\(done.sent) sent to \(box.destination)")
        return done.refused.count
    }

    /// Some at a time: bodies may be large and messages many.
    ///
    /// - Returns: How many stay that should not.
    private func retryAll(_ box: FailedMessageBox, _ limit: Int, _ stop: StopNote) throws -> Int {
        var seen = 0
        var sent = 0
        var refused = 0
        var strangers = 0
        var gaveUp = false
        while seen < limit, stop.signal == nil {
            let messages = try box.take(min(limit - seen, 100), bytes: 8 << 20)
            if messages.isEmpty { break }
            seen += messages.count
            let own = messages.filter(box.isOfJob)
            strangers += messages.count - own.count
            let done: FailedReplay
            do throws(FailedReplayError) {
                done = try box.replay(own)
            } catch {
                if sent > 0 { try StandardOutput.line("\(sent) sent to \(box.destination)") }
                throw error
            }
            self.report(done.refused, box)
            sent += done.sent
            refused += done.refused.count
            if done.sent == 0, !done.refused.isEmpty {
                gaveUp = true
                let left = min(limit, box.total) - seen
                if left > 0 {
                    StandardError.write(
                        "none of these went; \(left == 1 ? "one" : "up to \(left)") more \(left == 1 ? "was" : "were") not tried"
                    )
                }
                break
            }
        }
        let ready = try box.putBack()
        if strangers > 0 {
            StandardError.write(
                "\(strangers) came from other queues and \(strangers == 1 ? "stays; by name it" : "stay; by name they") can be sent all the same"
            )
        }
        let isAll = !gaveUp && seen < limit && stop.signal == nil
        let missed = isAll ? self.noteRest(box, seen: seen, more: ready - strangers - refused) : 0
        try StandardOutput.line("\(sent) sent to \(box.destination)")
        return refused + missed
    }

    /// Says what was not seen.
    ///
    /// - Returns: How many are there, and were when the command began, and have not been tried.
    private func noteRest(_ box: FailedMessageBox, seen: Int, more: Int) -> Int {
        box.noteOthers()
        guard more > 0 else { return 0 }
        let missed = box.total == 0 ? more : min(more, box.total - seen)
        if missed > 0 {
            StandardError.write(
                "\(Plural.of(missed, "that was", "that were")) in '\(box.queue)' could not be had, and \(missed == 1 ? "stays" : "stay")"
            )
        }
        if more > missed {
            StandardError.write(
                "\(Plural.of(more - missed, "is", "are")) in '\(box.queue)' that came, or \(more - missed == 1 ? "was" : "were") given back, meanwhile"
            )
        }
        return missed
    }

    private func report(_ refused: [FailedReplay.Refusal], _ box: FailedMessageBox) {
        for refusal in refused {
            StandardError.write(
                "\(refusal.id) stays in '\(box.queue)': \(refusal.reason)"
            )
        }
    }
}
