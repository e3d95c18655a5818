import AMQPClient
import Logging

/// A job that is held: its workers end as with a pause, and one alone begins again.
extension Pool {
    /// On whatever thread noticed, before its message is settled: none of the others begins it.
    func noteHold(_ hold: Circuit.Hold) {
        for handle in self.handles { handle.signal(WorkerHandle.Signal.drain) }
        self.logger.warning(
            "the job is held: it takes no messages for a while",
            metadata: [
                "job": "\(self.job.name)", "by": "\(hold.cause.name)", "for_ms": .number(hold.length / 1_000_000),
                "reason": "\(PlainText.line(hold.reason))",
            ]
        )
        self.tellChange()
    }

    /// Says how it goes on.
    func sayHold() {
        switch self.hold.phase {
        case .held: break
        case .trial:
            self.logger.info(
                "the job was held for long enough; one message at a time is tried",
                metadata: ["job": "\(self.job.name)", "messages": .number(Circuit.trialMessages)]
            )
        case .working: self.logger.notice("the job is held no more", metadata: ["job": "\(self.job.name)"])
        }
    }

    /// An operator knows that it goes well again.
    ///
    /// - Returns: Whether it was held, or on trial.
    func release() -> Bool {
        guard self.hold.release() else { return false }
        self.follow(now: self.clock.now)
        return true
    }
}

extension Circuit.Cause {
    /// One word.
    package var name: String {
        switch self {
        case .failures, .trial: "circuit"
        case .handler: "handler"
        }
    }
}

extension JobDefinition {
    /// As the one worker sees it that takes the first messages after a hold.
    var onTrial: JobDefinition {
        var job = self
        job.threads = 1
        job.prefetch = 1
        job.tasksPerThread = 1
        job.ack.batch = 1
        job.batch = HandlerBatch(size: 1, timeout: .zero)
        return job
    }
}
