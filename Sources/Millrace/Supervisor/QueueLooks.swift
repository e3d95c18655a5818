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
            others: Set(supervisor.pools.filter { !$0.isLeaving }.flatMap(\.job.queues))
        )
        self.scaling.sample(supervisor.pools, now: now)
        if let counts { supervisor.note(counts, now: now) }
        guard let connection, !connection.isBlocked else { return self.scaling.pause() }
        guard let counts else { return }
        self.scaling.follow(counts, supervisor, now: now)
        supervisor.look(&self.forgotten, counts, now: now)
    }
}

extension Supervisor {
    /// What is older says nothing any more: nanoseconds.
    private static var staleTime: UInt64 { 180_000_000_000 }

    fileprivate func note(_ counts: [String: BacklogWatch.Count], now: UInt64) {
        self.queueCounts.withLock { seen in
            for (queue, count) in counts { seen[queue] = (count, now) }
            seen = seen.filter { $0.value.time &+ Self.staleTime >= now }
        }
    }

    /// What the broker said of queues not long ago; from any thread.
    var seenQueues: [String: BacklogWatch.Count] {
        let now = MonotonicClock.now()
        return self.queueCounts.withLock { $0 }.filter { $0.value.time &+ Self.staleTime >= now }.mapValues(\.count)
    }
}
