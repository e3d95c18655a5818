import AMQPClient
import AMQPWire
import Synchronization

extension Supervisor {
    /// Why jobs are as they are; on a thread that may wait for the broker.
    ///
    /// - Parameters:
    ///   - name: Which; nil is all.
    ///   - patience: How long the broker may answer nothing.
    /// - Returns: One for each; nil if there is no such job.
    func explain(_ name: String?, patience: Duration = BrokerQuestions.patience) -> [Explanation]? {
        let status = self.status
        let jobs = status.jobs.filter { !$0.isLeaving && (name == nil || $0.name == name) }
        guard name == nil || !jobs.isEmpty else { return nil }
        let counts = self.counts(of: Set(jobs.flatMap(\.queues)).sorted(), patience)
        return jobs.compactMap { job in
            guard let pool = self.pool(job.name) else { return nil }
            var facts = self.facts(job, pool, status)
            switch counts {
            case .silent(let time): facts.silence = time
            case .heard(let counts):
                let heard = job.queues.compactMap { counts[$0] }
                guard !heard.isEmpty else { break }
                facts.ready = heard.reduce(0) { $0 + $1.0 }
                facts.consumers = heard.reduce(0) { $0 + $1.1 }
            case nil: break
            }
            return Explanation(facts)
        }
    }

    private func facts(_ job: JobStatus, _ pool: Pool, _ status: SupervisorStatus) -> JobFacts {
        var facts = JobFacts(status: job, connection: status.connection, outputs: status.outputs)
        let definition = pool.job
        facts.isDraining = status.isDraining
        facts.busy = pool.handles.count { $0.beganAt.load(ordering: .relaxed) > 0 }
        facts.rate = self.rates.withLock { $0[job.name] }
        facts.prefetch = definition.prefetch
        facts.handlerTime = job.times.handler.recent?.p50
        facts.timeout = definition.timeout
        facts.rateLimit = definition.rateLimit
        facts.pauseNote = job.overrides.pause?.note.text(zone: WallClock.zone()) ?? "by its file"
        return facts
    }

    /// - Returns: Messages that are ready, and consumers; nil if the broker can not be asked.
    private func counts(of queues: [String], _ patience: Duration) -> BrokerQuestions.Answer<[String: (Int, Int)]>? {
        guard let connection = self.source.current, !connection.isBlocked else { return nil }
        return self.questions.ask(patience: patience) { heard in
            var counts: [String: (Int, Int)] = [:]
            for queue in queues {
                do throws(AMQPError) {
                    let channel = try BrokerQuestions.channel(on: connection, heard)
                    defer { channel.close() }
                    let answer = try channel.declareQueue(queue, passive: true)
                    counts[queue] = (answer.messageCount, answer.consumerCount)
                } catch {
                    if error.scope == .connection || error.code == .timeout { return counts }
                }
            }
            return counts
        }
    }
}
