import AMQPClient
import Glibc

/// SIGTERM and SIGINT as calls on a thread of their own: no code runs in a signal handler.
///
/// For programs that make a ``Supervisor`` themselves; `millrace run` does the same.
public struct StopSignals {
    private let set: sigset_t

    /// Blocks the signals for this thread and all that it starts; SIGPIPE is ignored from now on.
    ///
    /// Make it before the program has a second thread: one that was started earlier would be killed by them still.
    public init() {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
        self.set = set
    }

    /// Calls `stop` for each signal, from now on; one that came before counts.
    ///
    /// - Parameter stop: ``Supervisor/stop()``: the first call drains, the second ends at once.
    /// - Throws: If the system has no thread to give.
    public func start(_ stop: @escaping @Sendable () -> Void) throws {
        let set = self.set
        _ = try WorkerThread.start(name: "signals") {
            var set = set
            var number: Int32 = 0
            while sigwait(&set, &number) == 0 { stop() }
        }
    }
}
