import Millrace

/// The jobs' counts as JSON, for scripts, with the reason of one that does not run.
enum StatusReport {
    /// What every report begins with.
    static let beginning = "{\"jobs\":"

    /// - Parameters:
    ///   - jobs: As they stand at the end.
    ///   - left: What was in the queues of the broker in this process when it ended; nil if there was none.
    /// - Returns: One line.
    static func text(_ jobs: [JobStatus], left: [(queue: String, count: Int)]? = nil) -> String {
        let members = jobs.map { job in
            OptionValue.Member(
                key: job.name,
                value: .object(
                    [
                        .init(key: "queue", value: .string(job.queues.joined(separator: ","))),
                        .init(key: "state", value: .string("\(job.state)")),
                        .init(key: "threads", value: .int(Int64(job.threads))),
                        .init(key: "consuming", value: .int(Int64(job.consuming))),
                    ] + job.counts.all.map { .init(key: $0.name, value: .int(Int64($0.count))) }
                        + (job.reason.map { [.init(key: "reason", value: .string($0))] } ?? [])
                )
            )
        }
        var report: [OptionValue.Member] = [.init(key: "jobs", value: .object(members))]
        if let left {
            let queues = left.map { OptionValue.Member(key: $0.queue, value: .int(Int64($0.count))) }
            report.append(.init(key: "left_in_memory", value: .object(queues)))
        }
        return OptionValue.object(report).json + "\n"
    }
}
