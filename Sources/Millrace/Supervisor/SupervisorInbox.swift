import AMQPClient

/// What the supervisor's thread waits for.
final class SupervisorInbox: ConnectionDelegate {
    struct Events {
        var stopRequests = 0
        var connectionEnd: AMQPError?
        var blocked: String?
        var wasUnblocked = false
        var stoppedJobs: [(job: String, reason: String)] = []

        var isEmpty: Bool {
            self.stopRequests == 0 && self.connectionEnd == nil && self.blocked == nil && !self.wasUnblocked
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
    func connectionBlocked(reason: String) { self.add { $0.blocked = reason } }
    func connectionUnblocked() { self.add { $0.wasUnblocked = true } }
    func connectionEnded(_ error: AMQPError) { self.add { $0.connectionEnd = error } }

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
