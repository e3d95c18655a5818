import AMQPClient
import Logging

/// What operators change while it runs: pauses, numbers of threads, new workers. On the supervisor's thread.
extension Supervisor {
    /// Reads what operators had changed before this process, and keeps it in mind.
    func restoreOverrides() {
        guard let path = self.file.control?.state else { return }
        do throws(ControlState.Failure) {
            let kept = try ControlState(path: path).read()
            let names = Set(self.pools.map(\.job.name))
            let known = Set(self.scheduler.schedules.map(\.name))
            let schedules = kept.schedules.filter { known.contains($0.key) }
            self.board.withLock {
                $0.overrides = Overrides(kept.jobs.filter { names.contains($0.key) }, schedules: schedules)
            }
            self.applySchedules()
            for (job, _) in kept.jobs where names.contains(job) { self.apply(job) }
            if !kept.isEmpty {
                let changed = kept.jobs.keys.sorted() + kept.schedules.keys.sorted().map { "schedule \($0)" }
                self.logger.notice(
                    "what was changed before still holds",
                    metadata: ["jobs": "\(changed.joined(separator: ", "))", "file": "\(path)"]
                )
            }
        } catch {
            self.board.withLock { $0.stateProblem = error.description }
            self.logger.error("what was changed before is not known", metadata: ["reason": "\(error)"])
        }
    }

    func setPause(_ name: String?, _ isPaused: Bool, _ note: ChangeNote) -> CommandReply {
        var pools = self.pools.filter { !$0.isLeaving }
        if let name {
            pools = pools.filter { $0.job.name == name }
            if pools.isEmpty { return self.refuseUnknown(name) }
        }
        for job in pools.map(\.job) {
            self.board.withLock { $0.overrides.setPause(job.name, isPaused, note, file: job.isPaused) }
        }
        for pool in pools {
            if !isPaused { _ = pool.release() }
            self.apply(pool.job.name)
        }
        self.write("\(isPaused ? "pause" : "resume") \(name ?? "--all")", note)
        return .noted(self.keep())
    }

    func scale(_ name: String, _ wish: ThreadsWish?, _ note: ChangeNote) -> CommandReply {
        guard let pool = self.pool(name) else { return self.refuseUnknown(name) }
        switch wish {
        case .fixed(let count):
            if let refusal = self.refusal(of: count, pool.job) { return .refused(refusal) }
        case .range(let low, let high):
            if let refusal = self.refusal(of: low, pool.job) ?? self.refusal(of: high, pool.job) {
                return .refused(refusal)
            }
        case nil: break
        }
        self.board.withLock { $0.overrides.setThreads(name, wish, note) }
        self.apply(name)
        self.write("scale \(name) \(wish?.text ?? "auto")", note)
        let isHeld = pool.hold.isHeld
        return .noted(
            (isHeld ? ["the job is held; the threads come when that ends, or with resume"] : []) + self.keep()
        )
    }

    func restart(_ name: String, _ note: ChangeNote) -> CommandReply {
        guard let pool = self.pool(name) else { return self.refuseUnknown(name) }
        self.failures.withLock { $0[name] = nil }
        _ = pool.release()
        pool.replaceWorkers()
        if self.source.current != nil { self.startPools() }
        self.write("restart \(name)", note)
        return .done
    }

    /// Takes out what is over.
    func endOverrides() {
        let now = Int64(clamping: WallClock.seconds())
        let (ended, jobs) = self.board.withLock { board in
            let jobs = board.overrides.jobs.keys.sorted()
            return (board.overrides.expire(now: now), jobs)
        }
        guard !ended.isEmpty else { return }
        for job in jobs { self.apply(job) }
        self.applySchedules()
        for what in ended {
            self.write("end of \(what)", ChangeNote(actor: "its time was over", since: now))
        }
        _ = self.keep()
    }

    /// Makes a job be as its file and its overrides say.
    func apply(_ name: String) {
        guard let pool = self.pool(name) else { return }
        let own = self.board.withLock { $0.overrides[name] }
        let isPaused = own.pause?.isPaused ?? pool.job.isPaused
        if pool.isPaused != isPaused { pool.setPaused(isPaused) }
        let scaling = self.scaling(of: pool.job, own)
        let threads =
            switch own.threads?.wish {
            case .fixed(let count): count
            case .range, nil: scaling.map { min(max(pool.target, $0.min), $0.max) } ?? pool.job.threads
            }
        if pool.target != threads { pool.setTarget(threads) }
    }

    /// Between which numbers a job's threads follow its backlog; nil if they do not.
    func scaling(of job: JobDefinition, _ own: JobOverrides) -> ThreadScaling? {
        switch own.threads?.wish {
        case .fixed: return nil
        case .range(let low, let high):
            var scaling = job.scaling ?? ThreadScaling(min: low, max: high)
            (scaling.min, scaling.max) = (low, high)
            return scaling
        case nil: return job.scaling
        }
    }

    /// Writes the overrides down, where the file says so.
    ///
    /// - Returns: What who changed something should know: that it ends with the process.
    func keep() -> [String] {
        let (overrides, path) = self.board.withLock { ($0.overrides, $0.file.control?.state) }
        guard let path else {
            return overrides.isEmpty
                ? [] : ["it ends with this process: the job file has no control: { state: … } to keep it"]
        }
        do throws(ControlState.Failure) {
            try ControlState(path: path).write(overrides)
            self.board.withLock { $0.stateProblem = nil }
            return []
        } catch {
            self.board.withLock { $0.stateProblem = error.description }
            self.logger.error("what was changed is not kept", metadata: ["reason": "\(error)"])
            return ["it ends with this process: \(error)"]
        }
    }

    /// Notes a change, for `history` and in the log.
    func write(_ what: String, _ note: ChangeNote, outcome: String? = nil) {
        self.board.withLock {
            $0.history.add(
                .init(time: note.since, actor: note.actor, what: what, reason: note.reason, outcome: outcome)
            )
        }
        var metadata: Logger.Metadata = ["what": "\(what)", "by": "\(note.actor)"]
        if let reason = note.reason { metadata["reason"] = "\(reason)" }
        if let until = note.until { metadata["ends"] = "\(ClockText.minutes(until, zone: WallClock.zone()))" }
        if let outcome { metadata["outcome"] = "\(outcome)" }
        self.logger.notice("changed by an operator", metadata: metadata)
    }
}
