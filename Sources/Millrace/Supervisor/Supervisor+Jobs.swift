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

    /// A job whose queue's declaration ends a connection, maybe because the broker is in trouble, is tried again and again
    /// on a connection of its own.
    ///
    /// - Returns: The other failures.
    func suspectJobs(_ failures: [String: AMQPError]) -> [String: AMQPError] {
        var others = failures
        for pool in self.pools {
            guard let error = failures[pool.job.queue], error.canBeProvoked, !error.isRefusalForGood else { continue }
            pool.suspicion.suspect(error)
            others[pool.job.queue] = nil
        }
        return others
    }

    func fail(_ job: String, _ reason: String) {
        self.failures.withLock { $0[job] = reason }
        self.logger.error("the job has failed; the others go on", metadata: ["job": "\(job)", "reason": "\(reason)"])
    }

    /// Marks the jobs whose workers have all given up.
    func noteFailedPools() {
        self.noteTrials()
        let known = self.failures.withLock { $0 }
        for pool in self.pools where known[pool.job.name] == nil {
            if case .failed(let reason) = pool.state { self.fail(pool.job.name, reason) }
        }
    }

    /// Marks the jobs that end every connection they are tried on, and lifts the mark when they do so no more.
    private func noteTrials() {
        for pool in self.pools {
            let (name, error) = (pool.job.name, pool.suspicion.failing)
            if pool.failsOnTrial, error == nil {
                pool.failsOnTrial = false
                self.failures.withLock { $0[name] = nil }
                self.logger.info("the job works again", metadata: ["job": "\(name)"])
            } else if !pool.failsOnTrial, let error, self.failures.withLock({ $0[name] }) == nil {
                pool.failsOnTrial = true
                self.fail(name, "queue '\(pool.job.queue)' ends the connection: \(error)")
            }
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
