import AMQPClient

extension Supervisor {
    /// Gives up workers whose handler has passed its job's `kill_timeout`; a job with too many of them has failed.
    func abandonOverdue(now: UInt64) {
        for pool in self.pools where pool.job.killTimeout != nil {
            guard let reason = pool.abandonOverdue(now: now) else { continue }
            self.fail(pool.job.name, reason)
            pool.signal(WorkerHandle.Signal.drain)
        }
    }

    /// Whether a thread that was given up still runs.
    var hasAbandoned: Bool {
        self.pools.contains { pool in
            pool.forgetEndedAbandoned()
            return !pool.abandoned.isEmpty
        }
    }
}
