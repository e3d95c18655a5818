import AMQPClient
import Glibc
import Millrace

/// Hands signals to the supervisor, and ends the process while there is none: whatever the start waits for, a job file that
/// is a pipe, a plugin that does not load, a full standard error, a signal ends it.
final class RunStopper: Sendable {
    private let supervisor = Monitor<Supervisor?>(nil)
    private let early: ExitStatus

    /// - Parameter status: How the process ends when nothing has been started yet.
    init(whenNothingRuns status: ExitStatus) { self.early = status }

    /// From now on there is one.
    func runs(_ supervisor: Supervisor) {
        self.supervisor.withLock { $0 = supervisor }
        self.supervisor.broadcast()
    }

    /// On the signals' thread.
    func stop() {
        // A start that is only busy is waited for: then the end is a supervisor's, and says so.
        if let supervisor = self.supervisor.wait(until: MonotonicClock.deadline(in: Self.patience), { $0 }) {
            return supervisor.stop()
        }
        StandardError.last("stopped before anything was started", within: Self.lastWords)
        _exit(self.early.rawValue)
    }

    /// On the signals' thread; while there is no supervisor there is nothing to say.
    func answer(_ request: StopSignals.Request) { self.supervisor.withLock { $0 }?.answer(request) }

    private static let patience = Duration.milliseconds(500)
    private static let lastWords = Duration.milliseconds(250)
}
