import AMQPClient
import CMillraceSystem
import Glibc

/// A process's signals as calls on a thread of their own: a signal handler only passes on to it what a thread gets that does
/// not block them.
///
/// SIGTERM, SIGINT and SIGQUIT ask it to end; SIGHUP, SIGTSTP, SIGUSR1 and SIGUSR2 ask for something else and end nothing. For
/// programs that make a ``Supervisor`` themselves; `millrace run` does the same.
public struct StopSignals {
    /// A signal that ends nothing.
    public enum Request: Sendable, Equatable {
        /// SIGHUP: read the job file again.
        case hangUp
        /// SIGTSTP: begin nothing more, and go on living.
        case quiet
        /// SIGUSR1: say how you are.
        case dump
        /// SIGUSR2: means nothing.
        case unused
    }

    private let set: sigset_t
    private static let stops = [SIGTERM, SIGINT, SIGQUIT]
    private static let requests: [Int32: Request] = [
        SIGHUP: .hangUp, SIGTSTP: .quiet, SIGUSR1: .dump, SIGUSR2: .unused,
    ]

    /// Blocks the signals for this thread and all that it starts; SIGPIPE is ignored from now on.
    ///
    /// Make it before the program has a second thread.
    public init() {
        var set = sigset_t()
        sigemptyset(&set)
        for number in Self.stops + Self.requests.keys { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
        self.set = set
    }

    /// Calls `stop` or `other` for each signal, from now on; one that came before counts.
    ///
    /// A second signal to stop within 200 ms is the first one: `timeout` and terminals send it twice.
    ///
    /// - Parameters:
    ///   - stop: ``Supervisor/stop()``: the first call drains, the second ends at once.
    ///   - other: ``Supervisor/answer(_:)``, for what ends nothing.
    /// - Throws: If the system has no thread to give.
    public func start(
        _ stop: @escaping @Sendable () -> Void,
        other: @escaping @Sendable (Request) -> Void = { _ in }
    ) throws {
        let set = self.set
        _ = try WorkerThread.start(name: "signals") {
            var set = set
            var number: Int32 = 0
            var filter = SignalFilter()
            // A library's thread may block nothing.
            let numbers = Self.stops + Self.requests.keys
            _ = millrace_gather_signals(numbers, Int32(numbers.count))
            while sigwait(&set, &number) == 0 {
                if let request = Self.requests[number] {
                    other(request)
                } else if filter.isNew(now: MonotonicClock.now()) {
                    stop()
                    filter.wasServed(now: MonotonicClock.now())
                }
            }
        }
    }
}
