import Millrace

/// The jobs' counts as JSON, for scripts.
enum StatusReport {
    /// What every report begins with.
    static let beginning = "{\"jobs\":"

    static func text(_ jobs: [JobStatus]) -> String {
        let members = jobs.map { job in
            OptionValue.Member(
                key: job.name,
                value: .object([
                    .init(key: "queue", value: .string(job.queue)),
                    .init(key: "state", value: .string("\(job.state)")),
                    .init(key: "threads", value: .int(Int64(job.threads))),
                    .init(key: "consuming", value: .int(Int64(job.consuming))),
                    .init(key: "received", value: .int(Int64(job.counts.received))),
                    .init(key: "acked", value: .int(Int64(job.counts.acked))),
                    .init(key: "rejected", value: .int(Int64(job.counts.rejected))),
                    .init(key: "retried", value: .int(Int64(job.counts.retried))),
                    .init(key: "snoozed", value: .int(Int64(job.counts.snoozed))),
                    .init(key: "requeued", value: .int(Int64(job.counts.requeued))),
                    .init(key: "given_back", value: .int(Int64(job.counts.givenBack))),
                    .init(key: "discarded", value: .int(Int64(job.counts.discarded))),
                    .init(key: "published", value: .int(Int64(job.counts.published))),
                    .init(key: "overruns", value: .int(Int64(job.counts.overruns))),
                    .init(key: "abandoned", value: .int(Int64(job.counts.abandoned))),
                    .init(key: "dropped_acks", value: .int(Int64(job.counts.droppedAcks))),
                    .init(key: "lost", value: .int(Int64(job.counts.lost))),
                ])
            )
        }
        return OptionValue.object([.init(key: "jobs", value: .object(members))]).json + "\n"
    }
}
