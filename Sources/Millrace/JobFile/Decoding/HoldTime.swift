/// How long the broker may wait for an ack of a job, from when it sent the message: the longest that the file's own numbers
/// allow, and 0 s if they say nothing.
struct HoldTime {
    /// The last of `prefetch` deliveries of each of its queues waits for those before it on its thread.
    private let handling: Duration
    /// Or for its turn under the rate limit, which all threads share.
    private let limited: Duration
    /// Then its batch waits for others, and so do its outputs.
    private let company: Duration

    init(_ job: JobDefinition) {
        // Each consumer of a thread has a prefetch of its own, and one thread works all of them off.
        let prefetch = job.prefetch * job.queues.count
        let limit = job.killTimeout ?? job.timeout ?? .zero
        let atOnce = job.batch?.size ?? job.tasksPerThread
        self.handling = limit * ((prefetch + atOnce - 1) / atOnce)
        self.limited =
            job.rateLimit.map { $0.interval * max(0, prefetch * job.threads - $0.allowed) / $0.allowed + limit }
            ?? .zero
        self.company = (job.batch?.timeout ?? .zero) + (job.publish.batch?.timeout ?? .zero)
    }

    var longest: Duration { max(self.handling, self.limited) + self.company }

    /// Whether the rate limit decides, and not how long handlers may take.
    var isLimited: Bool { self.limited > self.handling }
}
