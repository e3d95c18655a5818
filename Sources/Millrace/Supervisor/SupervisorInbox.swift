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
        var commands: [(command: Command, reply: @Sendable (CommandReply) -> Void)] = []
        /// How full queues were at the last look.
        var backlogs: [String: BacklogWatch.Count]?
        /// A worker, or whoever brings waiting messages back, stands elsewhere than before.
        var haveWorkersChanged = false

        /// Why the connection of this reporter ended, if it has.
        func end(of reporter: ConnectionReporter?) -> AMQPError? {
            self.connectionEnds.first { $0.reporter === reporter }?.error
        }

        var isEmpty: Bool {
            self.stopRequests == 0 && self.connectionEnds.isEmpty && self.connectOutcome == nil && self.blocked == nil
                && !self.wasUnblocked
                && self.stoppedJobs.isEmpty && self.commands.isEmpty && !self.haveWorkersChanged && self.backlogs == nil
        }
    }
    private struct State {
        var events = Events()
        /// Nobody takes anything out any more.
        var isClosed = false
    }
    private let monitor = Monitor(State())
    /// Of the channel on which the supervisor looks at queues: a stop ends the wait for an answer.
    let looks = Mailbox()
    static let stopSignal: UInt32 = 1

    private func add(_ change: (inout Events) -> Void) {
        self.monitor.withLock { change(&$0.events) }
        self.monitor.signal()
    }

    /// - Returns: false if nobody is there to do it.
    func ask(_ command: Command, _ reply: @escaping @Sendable (CommandReply) -> Void) -> Bool {
        let isTaken = self.monitor.withLock { state in
            if !state.isClosed { state.events.commands.append((command, reply)) }
            return !state.isClosed
        }
        self.monitor.signal()
        return isTaken
    }

    /// The run is over.
    ///
    /// - Returns: What nobody has answered.
    func close() -> [(command: Command, reply: @Sendable (CommandReply) -> Void)] {
        self.monitor.withLock { state in
            state.isClosed = true
            defer { state.events.commands = [] }
            return state.events.commands
        }
    }

    func requestStop() {
        self.add { $0.stopRequests += 1 }
        self.looks.signal(Self.stopSignal)
    }
    func jobStopped(_ job: String, _ reason: String) { self.add { $0.stoppedJobs.append((job, reason)) } }
    func backlogsSeen(_ counts: [String: BacklogWatch.Count]) { self.add { $0.backlogs = counts } }
    func workersChanged() { self.add { $0.haveWorkersChanged = true } }
    func connectEnded(_ outcome: ConnectAttempt.Outcome) { self.add { $0.connectOutcome = outcome } }
    fileprivate func connectionBlocked(reason: String) { self.add { $0.blocked = reason } }
    fileprivate func connectionUnblocked() { self.add { $0.wasUnblocked = true } }
    fileprivate func connectionEnded(_ reporter: ConnectionReporter, _ error: AMQPError) {
        self.add { $0.connectionEnds.append((reporter, error)) }
    }

    /// Takes everything out; waits for something, at most until the deadline.
    func take(until deadline: UInt64) -> Events {
        let taken: Events? = self.monitor.wait(until: deadline) { state in
            guard !state.events.isEmpty else { return nil }
            defer { state.events = Events() }
            return state.events
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
