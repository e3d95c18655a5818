import AMQPClient
import AMQPWire
import Logging

/// What somebody outside asks of a running supervisor: it is done on the supervisor's thread, between two events.
package enum Command: Sendable {
    /// A job has so many threads from now on.
    case setThreads(job: String, threads: Int)
    /// A job is another one from now on, with the same name and queue.
    case setDefinition(JobDefinition)
    /// A job, or every job, rests or goes on.
    case setPause(job: String?, isPaused: Bool, ChangeNote)
    /// A schedule rests in this supervisor, or goes on.
    case setSchedulePause(String, isPaused: Bool, ChangeNote)
    /// A job has so many threads, or again as many as its file says.
    case scale(job: String, ThreadsWish?, ChangeNote)
    /// A job's workers are replaced, each between two messages, and one that has failed is tried again.
    case restart(job: String, ChangeNote)
    /// Another file takes the place of the one that runs.
    ///
    /// - plan: The digest of a ``ReloadPlan`` that has to be right still; nil if any will do.
    case reload(LoadedFile, plan: String?, ChangeNote)
    /// A file that somebody wanted can not be used.
    case noteRefusal(String, ChangeNote)
    /// The connection goes over to another broker of the list, to this one if it is named; answered when it is there.
    case rebalance(to: String?, ChangeNote)
    /// It drains and ends.
    case drain(ChangeNote)
    /// Answered when a job that rests has nothing in hand any more, or at a time of the monotonic clock.
    case awaitDrained(job: String, until: UInt64)
}

/// What became of a ``Command``.
package enum CommandReply: Equatable, Sendable {
    case done
    /// Done, and this is worth knowing, a line each.
    case noted([String])
    /// Nothing has changed, for this reason.
    case refused(String)
    /// Nothing has changed: the job file is wrong, in these words.
    case wrongFile(String)
}

extension Supervisor {
    /// Asks for something; from any thread.
    ///
    /// - Parameters:
    ///   - command: What.
    ///   - reply: Called once, on the supervisor's thread or on this one.
    package func ask(_ command: Command, reply: @escaping @Sendable (CommandReply) -> Void) {
        if !self.inbox.ask(command, reply) { reply(.refused("the supervisor has ended")) }
    }

    /// On the supervisor's thread.
    func carryOut(_ command: Command) -> CommandReply {
        switch command {
        case .setThreads(let name, let threads): return self.setThreads(name, threads)
        case .setDefinition(let job): return self.setDefinition(job)
        case .setPause(let name, let isPaused, let note): return self.setPause(name, isPaused, note)
        case .setSchedulePause(let name, let isPaused, let note): return self.setSchedulePause(name, isPaused, note)
        case .scale(let name, let wish, let note): return self.scale(name, wish, note)
        case .restart(let name, let note): return self.restart(name, note)
        case .reload(let loaded, let plan, let note): return self.reload(loaded, plan: plan, note)
        case .noteRefusal(let text, let note):
            self.board.withLock { $0.refusal = (note.since, text) }
            self.write("reload", note, outcome: "refused")
            self.logger.error(
                "the job file is not taken over, and the one before goes on",
                metadata: ["reason": "\(text)"]
            )
            return .wrongFile(text)
        case .rebalance: return .refused("the supervisor does not run")
        case .drain(let note):
            self.write("drain", note)
            self.stop()
            return .done
        case .awaitDrained(let name, _): return self.drainReply(name)
        }
    }

    /// Whether a job that rests has nothing in hand any more.
    func drainReply(_ name: String) -> CommandReply {
        let jobs = self.status.jobs.filter { $0.name == name }
        guard !jobs.isEmpty else { return self.refuseUnknown(name) }
        let inHand = jobs.reduce(0) { $0 + $1.inHand }
        let consuming = jobs.reduce(0) { $0 + $1.consuming }
        if jobs.allSatisfy({ $0.state == .paused }), inHand == 0, consuming == 0 { return .done }
        let text = "\(Plural.of(inHand, "delivery", "deliveries")) in hand, \(Plural.of(consuming, "consumer")) left"
        return .refused("job '\(name)' is not drained: \(text)")
    }

    private func setThreads(_ name: String, _ threads: Int) -> CommandReply {
        guard let pool = self.pool(name) else { return self.refuseUnknown(name) }
        if let refusal = self.refusal(of: threads, pool.job) { return .refused(refusal) }
        pool.setTarget(threads)
        return .done
    }

    private func setDefinition(_ job: JobDefinition) -> CommandReply {
        guard let pool = self.pool(job.name) else { return self.refuseUnknown(job.name) }
        guard pool.job.queues == job.queues else {
            return .refused("job '\(job.name)' consumes '\(pool.job.queueNames)', which stays so while it runs")
        }
        do throws(PluginError) {
            pool.setDefinition(job, try self.board.withLock { $0.registry }.handler(for: job))
        } catch {
            return .refused("\(error)")
        }
        return .done
    }

    /// Why a job can not have so many threads; nil if it can.
    func refusal(of threads: Int, _ job: JobDefinition) -> String? {
        guard ThreadsWish.limits.contains(threads) else { return "a job has 1 to 512 threads, not \(threads)" }
        guard threads == 1 || !job.exclusive else {
            return "job '\(job.name)' consumes exclusively: it has one thread"
        }
        return nil
    }

    /// As it runs now; not one that is on its way out.
    func pool(_ name: String) -> Pool? { self.pools.first { $0.job.name == name && !$0.isLeaving } }

    func refuseUnknown(_ name: String) -> CommandReply {
        let names = self.pools.filter { !$0.isLeaving }.map(\.job.name)
        let nearest = NearestName.of(name, among: names).map { "; did you mean '\($0)'?" } ?? ""
        return .refused("there is no job '\(name)'\(nearest)")
    }
}
