import AMQPClient
import Logging
import Synchronization

/// Notes handlers that run longer than their job's timeout: a line in the log, once per run, and a count.
struct OverrunWatch {
    private let pools: [Pool]
    /// Per worker, the begin of the run that was noted last.
    private var noted: [ObjectIdentifier: UInt64] = [:]

    init(pools: [Pool]) { self.pools = pools }

    mutating func look(now: UInt64, logger: Logger) {
        for pool in self.pools {
            guard let timeout = pool.job.timeout else { continue }
            for handle in pool.handles {
                let began = handle.beganAt.load(ordering: .relaxed)
                guard began > 0, now > began, now - began > timeout.nanoseconds else { continue }
                let id = ObjectIdentifier(handle)
                guard self.noted[id] != began else { continue }
                self.noted[id] = began
                var counts = JobCounts()
                counts.overruns = 1
                pool.counters.add(counts)
                handle.logger.warning(
                    "a handler runs longer than its timeout",
                    metadata: ["timeout": "\(timeout)", "running_ms": "\((now - began) / 1_000_000)"]
                )
            }
        }
    }
}
