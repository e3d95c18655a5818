import AMQPClient
import AMQPWire
import Logging

/// A job that may have ended the connection it shares is tried on one of its own.
extension Worker {
    /// What is known when a connection ends: which request had no answer yet.
    func noteEnd(_ error: AMQPError) {
        guard let underWay = self.underWay else { return }
        self.underWay = nil
        guard error.canBeDoing(of: underWay, orItsClass: underWay == .queueDeclare) else { return }
        self.suspicion.suspect(error)
    }

    /// Whether the job may use the shared connection.
    ///
    /// - Parameter connection: The shared one; a trial is held on another one to the same broker.
    /// - Returns: `.go`; or why the worker has failed; or that it has waited, or tried, and is to look again.
    func standTrial(beside connection: Connection) -> TrialResult {
        switch self.suspicion.next() {
        case .go: return .go
        case .never(let error): return .failed("queue '\(self.handle.job.queueNames)' ends the connection: \(error)")
        case .wait(let error, let time):
            self.handle.enter(.restarting("it may have ended the connection: \(error)"))
            self.idle(until: time)
            return .lookAgain
        case .stand(let error):
            self.handle.enter(.restarting("it may have ended the connection: \(error)"))
            self.report(self.suspicion.ended(self.holdTrial(beside: connection)))
            return .lookAgain
        }
    }

    private func holdTrial(beside connection: Connection) -> ConnectionTrial.Outcome {
        guard self.source.takeTrialSeat() else { return .busy }
        defer { self.source.leaveTrialSeat() }
        let own: Connection
        do throws(AMQPError) {
            own = try connection.connectSibling(", job \(self.handle.job.name) alone", logger: self.handle.logger)
        } catch {
            return .notTried
        }
        defer { own.close(timeout: .seconds(1)) }
        self.mustDeclare = true
        do throws(AMQPError) {
            try self.serve(own, isTrial: true)
            return .worked
        } catch {
            self.underWay = nil
            self.channelEnded(error)
            guard case .connection = error.scope else { return .failedAlone }
            return .endedConnection(error)
        }
    }

    private func report(_ verdict: ConnectionTrial.Verdict) {
        switch verdict {
        case .innocent, .open: break
        case .again(let error, let wait):
            self.handle.logger.error(
                "the job ends its connection; it is tried again on one of its own, and the others go on",
                metadata: [
                    "queue": "\(self.handle.job.queueNames)", "reason": "\(error)",
                    "after_ms": .number(wait / 1_000_000),
                ]
            )
        case .guilty(let error):
            self.handle.logger.error(
                "the job ends every connection that it consumes on",
                metadata: ["queue": "\(self.handle.job.queueNames)", "reason": "\(error)"]
            )
        }
    }
}

/// Whether a worker may go on.
enum TrialResult { case go, lookAgain, failed(String) }
