import AMQPClient
import Logging
import Synchronization

/// The part of a run that has jobs' threads follow their backlogs.
struct ScalingRun {
    private var scalers: [String: ThreadScaler] = [:]
    /// How long each job's threads have been in handlers, in nanoseconds, by looking at them again and again.
    private var busy: [String: UInt64] = [:]
    private var lastLook: UInt64 = 0

    /// Looks at who is busy; to be called several times in a second.
    mutating func sample(_ pools: [Pool], now: UInt64) {
        defer { self.lastLook = now }
        // The first time there is nothing before it; and a process that stood still was not busy.
        let time = now &- self.lastLook
        guard self.lastLook > 0, time < 2_000_000_000 else { return }
        for pool in pools where self.scalers[pool.job.name] != nil {
            let count = pool.handles.count { $0.beganAt.load(ordering: .relaxed) > 0 }
            self.busy[pool.job.name, default: 0] &+= UInt64(count) &* time
        }
    }

    /// Queues that have to be looked at.
    mutating func queues(_ supervisor: Supervisor) -> Set<String> {
        var queues: Set<String> = []
        var scalers: [String: ThreadScaler] = [:]
        for (pool, scaling) in supervisor.scaledPools {
            var scaler = self.scalers[pool.job.name] ?? ThreadScaler(scaling)
            scaler.change(scaling)
            scalers[pool.job.name] = scaler
            queues.formUnion(pool.job.queues)
        }
        self.scalers = scalers
        for pool in supervisor.pools where scalers[pool.job.name] == nil { pool.scaling.withLock { $0 = (nil, nil) } }
        return queues
    }

    /// Nothing is decided while nobody works.
    mutating func pause() {
        for name in self.scalers.keys { self.scalers[name]?.pause() }
    }

    /// What was seen of the queues: threads come and go.
    mutating func follow(_ counts: [String: BacklogWatch.Count], _ supervisor: Supervisor, now: UInt64) {
        for (pool, _) in supervisor.scaledPools {
            let name = pool.job.name
            guard let backlog = JobBacklog(pool, counts), var scaler = self.scalers[name] else { continue }
            defer { self.scalers[name] = scaler }
            let consuming = pool.handles.count { $0.state == .consuming }
            guard !pool.isPaused, pool.hold.phase == .working, consuming > 0 else {
                scaler.pause()
                continue
            }
            let decision = scaler.decide(
                .init(
                    now: now,
                    threads: pool.target,
                    settled: pool.counters.counts.settled,
                    busy: self.busy[name] ?? 0,
                    backlog: backlog.messages,
                    share: backlog.share
                )
            )
            pool.scaling.withLock { $0 = (decision.reason, decision.wanted) }
            guard decision.threads != pool.target else { continue }
            supervisor.logger.info(
                "threads follow the backlog",
                metadata: [
                    "job": "\(name)", "threads": .number(decision.threads), "before": .number(pool.target),
                    "ready": .number(backlog.messages),
                ]
            )
            pool.setTarget(decision.threads)
        }
    }
}

extension Supervisor {
    /// Pools whose threads follow their backlogs, and within which limits.
    var scaledPools: [(pool: Pool, scaling: ThreadScaling)] {
        let overrides = self.board.withLock { $0.overrides }
        return self.pools.compactMap { pool in
            guard !pool.isLeaving, let scaling = self.scaling(of: pool.job, overrides[pool.job.name]) else {
                return nil
            }
            return (pool, scaling)
        }
    }
}
