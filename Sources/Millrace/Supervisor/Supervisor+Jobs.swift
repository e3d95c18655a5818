import AMQPClient
import Logging

extension Supervisor {
    /// Marks the jobs whose queue can not be had, and lifts the mark of those that can be had again.
    func noteTopology(_ topologyFailures: [String: AMQPError]) {
        for (name, error) in topologyFailures.sorted(by: { $0.key < $1.key }) {
            self.logger.error("can not be declared", metadata: ["name": "\(name)", "reason": "\(error)"])
        }
        self.failures.withLock { failures in
            for pool in self.pools where !pool.isStarted {
                failures[pool.job.name] = topologyFailures[pool.job.queue].map { error in
                    "queue '\(pool.job.queue)' can not be had: \(error)"
                }
            }
        }
    }

    func fail(_ job: String, _ reason: String) {
        self.failures.withLock { $0[job] = reason }
        self.logger.error("the job has failed; the others go on", metadata: ["job": "\(job)", "reason": "\(reason)"])
    }

    /// Marks the jobs whose workers have all given up.
    func noteFailedPools() {
        let known = self.failures.withLock { $0 }
        for pool in self.pools where known[pool.job.name] == nil {
            if case .failed(let reason) = pool.state { self.fail(pool.job.name, reason) }
        }
    }

    /// Starts the pools that have a queue and do not run yet.
    func startPools() {
        let failed = self.failures.withLock { $0 }
        for pool in self.pools where !pool.isStarted {
            if let reason = failed[pool.job.name] {
                self.fail(pool.job.name, reason)
                continue
            }
            do throws(ThreadError) {
                try pool.start()
            } catch {
                self.fail(pool.job.name, "\(error)")
            }
        }
    }

    /// Whether any job works or can come to work.
    var canWork: Bool { self.pools.contains(where: \.isStarted) }

    var haveEnded: Bool { self.pools.allSatisfy(\.hasEnded) }

    /// Whether nobody does anything more.
    var haveWorkedOff: Bool { self.pools.allSatisfy(\.hasWorkedOff) }
}
