import AMQPClient
import Logging

extension Supervisor {
    /// Answers a signal that ends nothing, in the log.
    ///
    /// From any thread.
    public func answer(_ request: StopSignals.Request) {
        switch request {
        case .hangUp:
            guard self.options.load != nil else {
                return self.logger.warning("SIGHUP: this program has not said how its job file is read again")
            }
            self.reload(path: nil, plan: nil, .now("SIGHUP")) { _ in }
        case .quiet: self.ask(.setPause(job: nil, isPaused: true, .now("SIGTSTP"))) { _ in }
        case .unused: self.logger.notice("SIGUSR2 means nothing")
        case .dump: for job in self.status.jobs { self.dump(job) }
        }
    }

    private func dump(_ job: JobStatus) {
        var state = job.state.description
        if let reason = job.reason { state += ": \(reason)" }
        var metadata: Logger.Metadata = [
            "job": "\(job.name)", "queue": "\(job.queues.joined(separator: ","))", "state": "\(state)",
            "threads": .number(job.threads),
            "consuming": .number(job.consuming), "in_hand": .number(job.inHand),
        ]
        for (name, count) in job.counts.all { metadata[name] = .number(count) }
        self.logger.notice("SIGUSR1: a job as it stands", metadata: metadata)
    }
}
