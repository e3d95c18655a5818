import AMQPClient

/// The ``ConnectionTrial`` of a job, for all its workers; from any thread.
final class Suspicion: Sendable {
    private let trial: Monitor<ConnectionTrial>

    init(_ settings: RecoverySettings) { self.trial = Monitor(ConnectionTrial(settings)) }

    func suspect(_ error: AMQPError) { self.trial.withLock { $0.suspect(error) } }

    /// Why the job does not work, if that is due to it.
    var failing: AMQPError? { self.trial.withLock { $0.failing } }

    func next() -> ConnectionTrial.Turn { self.trial.withLock { $0.next(now: MonotonicClock.now()) } }

    func ended(_ outcome: ConnectionTrial.Outcome) -> ConnectionTrial.Verdict {
        let random = ProcessRandom.share()
        return self.trial.withLock { $0.ended(outcome, now: MonotonicClock.now(), random: random) }
    }
}
