import AMQPClient

/// Jobs as people read them.
package enum StatusText {
    private typealias Column = TextTable.Column

    /// A line for each job, with the columns that fit.
    ///
    /// Of the counts those that are 0 for every job are left out, but for two; those for which there is no room are named below.
    ///
    /// - Parameters:
    ///   - jobs: What to show.
    ///   - time: Stands above it.
    ///   - rates: Outcomes per second of each, by its name; none yet in the first table.
    ///   - width: Columns of the terminal.
    /// - Returns: Lines, each with its end.
    package static func table(_ jobs: [JobStatus], time: String, rates: [String: Double] = [:], width: Int = 80)
        -> String
    {
        var table = TextTable([
            Column("job", jobs.map { PlainText.line($0.name) }, isText: true),
            Column("state", jobs.map { "\($0.state)" }, isText: true),
            Column("consuming", jobs.map { "\($0.consuming)/\($0.threads)" }),
            Column("in hand", jobs.map { "\($0.inHand)" }),
            Column("oldest", jobs.map { Self.short($0.oldestInHand) }),
            Column("per s", jobs.map { job in rates[job.name].map { "\(Int($0.rounded()))" } ?? "-" }),
        ])
        var left: [String] = []
        for (name, values) in Self.counts(jobs) {
            guard Self.always.contains(name) || values.contains(where: { $0 > 0 }) else { continue }
            let title = name.replacing("_", with: " ")
            let column = Column(title, values.map(String.init))
            if !left.isEmpty || !table.add(column, within: width) {
                left.append("\(title) \(values.reduce(0, +))")
            }
        }
        var text = time + "\n" + table.lines.joined(separator: "\n") + "\n"
        if !left.isEmpty { text += "no room for: \(left.joined(separator: ", "))\n" }
        return text + "\n"
    }

    /// Shown though they are 0.
    private static let always = ["acked", "retried"]

    /// Every count of every job, those first that say most.
    private static func counts(_ jobs: [JobStatus]) -> [(name: String, values: [Int])] {
        let all = jobs.map(\.counts.all)
        let counts = JobCounts().all.indices.map { index in
            (name: JobCounts().all[index].name, values: all.map { $0[index].count })
        }
        let isFirst: ((name: String, values: [Int])) -> Bool = { Self.always.contains($0.name) }
        return counts.filter(isFirst) + counts.filter { !isFirst($0) }
    }

    /// The largest unit of which there is one: `340ms`, `12s`, `5m`, `3h`; `-` for nothing.
    package static func short(_ time: Duration) -> String {
        let milliseconds = time.nanoseconds / 1_000_000
        guard time > .zero else { return "-" }
        for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] as [(String, UInt64)]
        where milliseconds >= size {
            return "\(milliseconds / size)\(unit)"
        }
        return "\(milliseconds)ms"
    }
}
