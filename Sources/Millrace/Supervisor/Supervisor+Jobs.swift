import AMQPClient
import Logging

extension Supervisor {
    /// Says what can not be had; marks the jobs whose queue can not, and lifts the mark of those that can be had again.
    func noteTopology(_ failures: [DeclarationFailure]) {
        for failure in failures {
            let metadata: Logger.Metadata = ["name": "\(failure.item)", "reason": "\(failure.error)"]
            if failure.isFinal {
                self.logger.error("can not be declared", metadata: metadata)
            } else {
                self.logger.warning(Declarer.missing, metadata: metadata)
            }
        }
        for job in self.pools.filter({ !$0.isStarted }).map(\.job) {
            // With several queues it works on those that can be had.
            let refusals = job.queues.map { queue in failures.first { $0.isFinal && $0.item.queue == queue } }
            let failure = refusals.allSatisfy { $0 != nil } ? refusals.first ?? nil : nil
            self.failures.withLock { $0[job.name] = failure.map { "\($0.item) can not be had: \($0.error)" } }
        }
    }

    /// A job whose queue's declaration ends a connection, maybe because the broker is in trouble, is tried again and again
    /// on a connection of its own.
    ///
    /// - Returns: The other failures.
    func suspectJobs(_ failures: [DeclarationFailure]) -> [DeclarationFailure] {
        failures.filter { failure in
            guard failure.error.canBeProvoked, !failure.error.isRefusalForGood else { return true }
            let pools = self.pools.filter { pool in failure.item.queue.map { pool.job.queues.contains($0) } ?? false }
            for pool in pools { pool.suspicion.suspect(failure.error) }
            return pools.isEmpty
        }
    }

    func fail(_ job: String, _ reason: String) {
        self.failures.withLock { $0[job] = reason }
        self.logger.error("the job has failed; the others go on", metadata: ["job": "\(job)", "reason": "\(reason)"])
    }

    /// Marks the jobs whose workers have all given up.
    func noteFailedPools() {
        self.noteTrials()
        self.noteLateRefusals()
        let known = self.failures.withLock { $0 }
        for pool in self.pools where known[pool.job.name] == nil && !pool.isLeaving {
            if case .failed(let reason) = pool.state { self.fail(pool.job.name, reason) }
        }
    }

    /// A queue that can not be had fails its job, also when the broker's answer came after jobs had started.
    private func noteLateRefusals() {
        let known = self.failures.withLock { $0 }
        for pool in self.pools where known[pool.job.name] == nil && pool.isStarted && !pool.isLeaving {
            guard case .restarting = pool.state, pool.counters.counts.received == 0,
                let error = self.refusal(of: pool)
            else { continue }
            self.fail(pool.job.name, "queue '\(pool.job.queueNames)' can not be had: \(error)")
            pool.signal(WorkerHandle.Signal.drain)
        }
    }

    /// Why none of a job's queues can be had, if that is how it is.
    private func refusal(of pool: Pool) -> AMQPError? {
        let refusals = pool.job.queues.map { self.topology.refusal(ofQueue: $0) }
        return refusals.allSatisfy { $0 != nil } ? refusals.first ?? nil : nil
    }

    /// Why no job could ever start, if that is how it is.
    var refusalsOfAll: [AMQPError]? {
        let refusals = self.pools.map { pool in
            pool.counters.counts.received == 0 ? self.refusal(of: pool) : nil
        }
        let hasFailed = self.failures.withLock { $0 }
        guard !refusals.isEmpty, self.pools.allSatisfy({ hasFailed[$0.job.name] != nil }) else { return nil }
        let errors = refusals.compactMap(\.self)
        return errors.count == refusals.count ? errors : nil
    }

    /// Marks the jobs that end every connection they are tried on, and lifts the mark when they do so no more.
    private func noteTrials() {
        for pool in self.pools where !pool.isLeaving {
            let (name, error) = (pool.job.name, pool.suspicion.failing)
            if pool.failsOnTrial, error == nil {
                pool.failsOnTrial = false
                self.failures.withLock { $0[name] = nil }
                self.logger.info("the job works again", metadata: ["job": "\(name)"])
            } else if !pool.failsOnTrial, let error, self.failures.withLock({ $0[name] }) == nil {
                pool.failsOnTrial = true
                self.fail(name, "queue '\(pool.job.queueNames)' ends the connection: \(error)")
            }
        }
    }

    /// Starts the pools that have a queue and do not run yet.
    func startPools() {
        let failed = self.failures.withLock { $0 }
        for pool in self.pools where !pool.isStarted && !pool.isLeaving {
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

    /// Lets go of jobs that are no more and whose workers have ended.
    func forgetLeft() {
        for pool in self.pools where pool.isLeaving && pool.hasEnded && pool.abandoned.isEmpty {
            pool.join()
            self.board.withLock { $0.pools.removeAll { $0 === pool } }
            self.logger.info("the job is no more; its workers have ended", metadata: ["job": "\(pool.job.name)"])
        }
    }

    /// Whether nobody does anything more.
    ///
    /// Whoever rests may be resumed.
    var haveWorkedOff: Bool { self.pools.allSatisfy { $0.hasWorkedOff && !$0.isPaused && !$0.hold.isHeld } }
}
