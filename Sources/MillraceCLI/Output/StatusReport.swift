import Millrace

/// The jobs' counts as JSON, for scripts, with the reason of one that does not run.
enum StatusReport {
    /// What every report begins with.
    static let beginning = "{\"jobs\":"

    static func text(_ jobs: [JobStatus]) -> String {
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
        return OptionValue.object([.init(key: "jobs", value: .object(members))]).json + "\n"
    }
}
