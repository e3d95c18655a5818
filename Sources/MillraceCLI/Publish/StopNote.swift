import AMQPClient
import CMillraceSystem
import Glibc
import Synchronization

/// Notes SIGINT and SIGTERM, for a command that wants to say how far it came.
///
/// The second one ends the process at once.
final class StopNote: Sendable {
    private let noted = Atomic<Int32>(0)
    /// Can be read from once a signal has come, for those who wait for something else.
    let descriptor: Int32

    /// Blocks the signals for this thread and all that it starts: make it before there is a second one.
    ///
    /// - Throws: If the system has no thread or no pipe to give.
    init() throws {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw OutputError("no pipe", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        self.descriptor = ends[0]
        let writeEnd = ends[1]
        let signals = set
        _ = try WorkerThread.start(name: "signals") {
            var signals = signals
            var number: Int32 = 0
            while sigwait(&signals, &number) == 0 {
                if self.noted.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
                var octet: UInt8 = 1
                _ = write(writeEnd, &octet, 1)
            }
        }
    }

    /// The signal that came; nil before.
    var signal: Int32? {
        let number = self.noted.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }
}
