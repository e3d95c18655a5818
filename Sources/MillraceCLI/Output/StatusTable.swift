import AMQPClient
import Glibc
import Millrace

/// The jobs as a table for people.
enum StatusTable {
    static func print(_ jobs: [JobStatus]) {
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
        let octets = Array((text + "\n").utf8)
        _ = write(STDOUT_FILENO, octets, octets.count)
    }
}
