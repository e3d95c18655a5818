import AMQPClient
import Logging
import Millrace
import Synchronization

/// The jobs as a table for people, on standard output.
///
/// Once it could not be written there are no more: jobs go on, and the end tells.
final class StatusTable: Sendable {
    private let failed = Mutex<OutputError?>(nil)
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Why it could not be written, if so.
    var failure: OutputError? { self.failed.withLock { $0 } }

    func print(_ jobs: [JobStatus]) {
        guard self.failure == nil else { return }
        do throws(OutputError) {
            try StandardOutput.block(Self.text(jobs))
        } catch {
            self.failed.withLock { $0 = error }
            self.logger.error("there will be no more tables; jobs go on", metadata: ["reason": "\(error)"])
        }
    }

    static func text(_ jobs: [JobStatus]) -> String {
        let head = [
            "job", "state", "consuming", "received", "acked", "rejected", "requeued", "given back", "published",
            "overruns", "abandoned", "dropped acks",
        ]
        let rows = jobs.map { job in
            [
                PlainText.line(job.name), "\(job.state)", "\(job.consuming)/\(job.threads)", "\(job.counts.received)",
                "\(job.counts.acked)",
                "\(job.counts.rejected)", "\(job.counts.requeued)", "\(job.counts.givenBack)",
                "\(job.counts.published)", "\(job.counts.overruns)", "\(job.counts.abandoned)",
                "\(job.counts.droppedAcks)",
            ]
        }
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        var text = ""
        for (index, row) in ([head] + rows).enumerated() {
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                text += column < 2 ? cell + padding : padding + cell
                text += column == row.count - 1 ? "\n" : "  "
            }
            if index == 0 { text += String(repeating: "-", count: widths.reduce(0, +) + 2 * (head.count - 1)) + "\n" }
        }
        return text + "\n"
    }
}
