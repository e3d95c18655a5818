import AMQPClient
import Synchronization

extension Supervisor {
    /// Why a job is as it is; on a thread that may wait for the broker.
    ///
    /// - Parameter name: Which.
    /// - Returns: nil if there is no such job.
    func explain(_ name: String) -> Explanation? {
        let status = self.status
        guard let job = status.jobs.first(where: { $0.name == name && !$0.isLeaving }), let pool = self.pool(name)
        else {
            return nil
        }
        var facts = JobFacts(status: job, connection: status.connection, outputs: status.outputs)
        let definition = pool.job
        facts.isDraining = status.isDraining
        facts.busy = pool.handles.count { $0.beganAt.load(ordering: .relaxed) > 0 }
        facts.rate = self.rates.withLock { $0[name] }
        facts.prefetch = definition.prefetch
        facts.tasksPerThread = definition.tasksPerThread
        facts.isAsync = !pool.blocksItsThreads
        facts.timeout = definition.timeout
        facts.rateLimit = definition.rateLimit
        facts.pauseNote = job.overrides.pause?.note.text(zone: WallClock.zone()) ?? "by its file"
        let counts = definition.queues.compactMap { self.count(of: $0) }
        if !counts.isEmpty {
            facts.ready = counts.reduce(0) { $0 + $1.0 }
            facts.consumers = counts.reduce(0) { $0 + $1.1 }
        }
        return Explanation(facts)
    }

    private func count(of queue: String) -> (Int, Int)? {
        guard let connection = self.source.current, !connection.isBlocked else { return nil }
        do throws(AMQPError) {
            let channel = try connection.openChannel(mailbox: Mailbox(), outwaitsBlocks: false, timeout: Self.patience)
            defer { channel.close() }
            channel.requestTimeout = Self.patience
            let answer = try channel.declareQueue(queue, passive: true)
            return (answer.messageCount, answer.consumerCount)
        } catch {
            return nil
        }
    }

    private static let patience = Duration.seconds(2)
}
