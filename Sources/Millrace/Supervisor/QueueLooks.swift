import AMQPClient

/// The part of a run that goes by what the broker says of the jobs' queues: how many threads a backlog asks for, and
/// whether consumers are there.
struct QueueLooks {
    private var scaling = ScalingRun()
    private var forgotten: ForgottenConsumers

    init(_ options: SupervisorOptions) { self.forgotten = ForgottenConsumers(limit: options.consumeTimeout) }

    /// To be called several times in a second, with what was seen since the last time.
    mutating func follow(
        _ counts: [String: BacklogWatch.Count]?,
        _ supervisor: Supervisor,
        _ connection: Connection?,
        now: UInt64
    ) {
        supervisor.backlogs.watch(
            often: self.scaling.queues(supervisor),
            others: Set(supervisor.pools.filter { !$0.isLeaving }.map(\.job.queue))
        )
        self.scaling.sample(supervisor.pools, now: now)
        guard let connection, !connection.isBlocked else { return self.scaling.pause() }
        guard let counts else { return }
        self.scaling.follow(counts, supervisor, now: now)
        supervisor.look(&self.forgotten, counts, now: now)
    }
}
