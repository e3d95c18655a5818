import AMQPClient
import Logging

/// Another job file takes the place of the one that runs, job by job: what is the same goes on. On the supervisor's thread.
extension Supervisor {
    /// What a file would change; from any thread.
    package func plan(_ loaded: LoadedFile) -> ReloadPlan {
        let (file, identity, overrides) = self.board.withLock { ($0.file, $0.identity, $0.overrides) }
        let otherCode = Set(
            self.pools.filter { !$0.isLeaving }.compactMap { pool in
                loaded.file.jobs.first { $0.name == pool.job.name }.flatMap { try? loaded.registry.handler(for: $0) }
                    .flatMap { pool.hasOther($0) ? pool.job.name : nil }
            }
        )
        return ReloadPlan(
            from: (file, identity),
            to: (loaded.file, loaded.identity),
            overrides: overrides,
            otherCode: otherCode
        )
    }

    func reload(_ loaded: LoadedFile, plan expected: String?, _ note: ChangeNote) -> CommandReply {
        if let refusal = self.refusal(of: loaded.file.connection) { return self.carryOut(.noteRefusal(refusal, note)) }
        let plan = self.plan(loaded)
        if let expected, expected != plan.digest {
            let text = "the plan is not of now any more: this one is \(plan.digest), not \(expected)"
            self.write("reload --plan \(expected)", note, outcome: "refused")
            return .refused(text)
        }
        var entries: [String: HandlerEntry] = [:]
        do throws(PluginError) {
            for job in loaded.file.jobs { entries[job.name] = try loaded.registry.handler(for: job) }
        } catch {
            return .refused("\(error)")
        }
        self.topology.replace(loaded.file)
        self.board.withLock { board in
            _ = board.overrides.follow(old: board.file.jobs, new: loaded.file.jobs)
            board.file = loaded.file
            board.registry = loaded.registry
            board.identity = loaded.identity
            board.loadedAt = note.since
            board.refusal = nil
            board.generation += 1
        }
        for change in plan.jobs { self.change(change, loaded, entries) }
        for job in loaded.file.jobs { self.apply(job.name) }
        self.prepareReturner(loaded.file)
        self.write("reload", note, outcome: plan.isEmpty ? "nothing has changed" : nil)
        return .noted(self.keep().filter { _ in !plan.fallen.isEmpty } + plan.fallen)
    }

    private func change(_ change: ReloadPlan.Job, _ loaded: LoadedFile, _ entries: [String: HandlerEntry]) {
        let pool = self.pool(change.name)
        let job = loaded.file.jobs.first { $0.name == change.name }
        switch change.change {
        case .unchanged, .inPlace:
            if let pool, let job { pool.adopt(job) }
        case .removed:
            pool?.leave()
            self.failures.withLock { $0[change.name] = nil }
        case .added:
            if let job, let entry = entries[job.name] { self.add(job, entry, loaded.file) }
        case .replaced:
            guard let pool, let job, let entry = entries[job.name] else { return }
            self.failures.withLock { $0[job.name] = nil }
            if pool.job.queue == job.queue {
                pool.setDefinition(job, entry, threads: pool.target)
            } else {
                pool.leave()
                self.add(job, entry, loaded.file)
            }
        }
    }

    private func add(_ job: JobDefinition, _ entry: HandlerEntry, _ file: JobFile) {
        let pool = Self.makePool(
            job,
            entry,
            file,
            self.options,
            self.source,
            self.topology,
            self.inbox,
            self.logger
        )
        if let ledger = self.pools.first?.crashLedger {
            pool.crashLedger = ledger
            ledger.makeRoom(for: pool.ledgerSlots)
        }
        self.board.withLock { $0.pools.append(pool) }
    }

    /// Declares what the file says, beside the jobs, on a thread of its own.
    func declareAgain() {
        guard let connection = self.source.current else { return }
        let (topology, logger, source) = (self.topology, self.logger, self.source)
        do throws(ThreadError) {
            try WorkerThread.start(name: "declare") {
                var declarer = Declarer(
                    DeclarationRun(topology.plan(for: connection), goesOn: false),
                    on: connection,
                    logger: logger,
                    unless: { source.current !== connection }
                )
                do throws(AMQPError) {
                    try declarer.work()
                    for failure in declarer.plan.failures {
                        logger.error(
                            "can not be declared",
                            metadata: ["name": "\(failure.item)", "reason": "\(failure.error)"]
                        )
                    }
                } catch {
                    logger.warning("not all could be declared", metadata: ["reason": "\(error)"])
                }
            }.detach()
        } catch {
            logger.warning("exchanges and queues are not declared", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: Waiting messages

    /// Queues that are new need somebody who brings back what waits for them; those that are no more keep theirs.
    private func prepareReturner(_ file: JobFile) {
        let (current, next) = self.returners.withLock { $0 }
        let known = (next ?? current).queues.map(\.home)
        let queues = known + file.jobs.flatMap(\.queues).filter { !known.contains($0) }
        if queues.count > known.count { self.replace(current, by: queues, file) }
    }

    /// Another one for the same queues, on the connection of the moment.
    func replaceReturner() {
        let (current, next) = self.returners.withLock { $0 }
        self.replace(current, by: (next ?? current).queues.map(\.home), self.file)
    }

    private func replace(_ current: Returner, by queues: [String], _ file: JobFile) {
        let successor = Self.makeReturner(
            queues,
            file,
            self.options,
            self.source,
            self.topology,
            self.inbox,
            self.logger
        )
        self.returners.withLock { $0.next = successor }
        current.end()
    }

    /// The next one begins when the one before has ended: each message is brought back by one of them.
    func changeReturner() {
        let (current, next) = self.returners.withLock { $0 }
        guard let next, current.isDone else { return }
        self.returners.withLock { $0 = (next, nil) }
        current.letGo()
        if self.source.current != nil { self.startReturner() }
    }

    /// Whoever brings waiting messages back is there before the first one is put aside.
    func startReturner() {
        do throws(ThreadError) {
            try self.returner.start()
        } catch {
            self.logger.error("waiting messages do not come back", metadata: ["reason": "\(error)"])
        }
        self.returner.connectionChanged()
    }
}
