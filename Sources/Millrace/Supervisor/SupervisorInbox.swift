import AMQPClient

/// What the supervisor's thread waits for.
final class SupervisorInbox: Sendable {
    struct Events {
        var stopRequests = 0
        /// Ended connections: the number of the attempt that made each, and why it ended.
        var connectionEnds: [(reporter: ConnectionReporter, error: AMQPError)] = []
        /// What became of the last attempt to connect.
        var connectOutcome: ConnectAttempt.Outcome?
        var blocked: String?
        var wasUnblocked = false
        var stoppedJobs: [(job: String, reason: String)] = []

        /// Why the connection of this reporter ended, if it has.
        func end(of reporter: ConnectionReporter?) -> AMQPError? {
            self.connectionEnds.first { $0.reporter === reporter }?.error
        }

        var isEmpty: Bool {
            self.stopRequests == 0 && self.connectionEnds.isEmpty && self.connectOutcome == nil && self.blocked == nil
                && !self.wasUnblocked
                && self.stoppedJobs.isEmpty
        }
    }
    private let monitor = Monitor(Events())

    private func add(_ change: (inout Events) -> Void) {
        self.monitor.withLock(change)
        self.monitor.signal()
    }

    func requestStop() { self.add { $0.stopRequests += 1 } }
    func jobStopped(_ job: String, _ reason: String) { self.add { $0.stoppedJobs.append((job, reason)) } }
    func connectEnded(_ outcome: ConnectAttempt.Outcome) { self.add { $0.connectOutcome = outcome } }
    fileprivate func connectionBlocked(reason: String) { self.add { $0.blocked = reason } }
    fileprivate func connectionUnblocked() { self.add { $0.wasUnblocked = true } }
    fileprivate func connectionEnded(_ reporter: ConnectionReporter, _ error: AMQPError) {
        self.add { $0.connectionEnds.append((reporter, error)) }
    }

    /// Takes everything out; waits for something, at most until the deadline.
    func take(until deadline: UInt64) -> Events {
        let taken: Events? = self.monitor.wait(until: deadline) { events in
            guard !events.isEmpty else { return nil }
            defer { events = Events() }
            return events
        }
        return taken ?? Events()
    }
}

/// Tells the supervisor about one connection.
///
/// Each connection has its own, so that the late end of a failed one is not
/// taken for the end of its successor.
final class ConnectionReporter: ConnectionDelegate {
    private let inbox: SupervisorInbox

    init(inbox: SupervisorInbox) { self.inbox = inbox }

    func connectionBlocked(reason: String) { self.inbox.connectionBlocked(reason: reason) }
    func connectionUnblocked() { self.inbox.connectionUnblocked() }
    func connectionEnded(_ error: AMQPError) { self.inbox.connectionEnded(self, error) }
}
