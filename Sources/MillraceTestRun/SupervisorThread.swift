import AMQPCore
import Millrace
import Synchronization

/// The thread that a run's supervisor has.
final class SupervisorThread: Sendable {
    private let ended: Mutex<(isOver: Bool, waiters: [CheckedContinuation<Void, Never>])>

    /// - Parameters:
    ///   - supervisor: Runs on it.
    ///   - signal: Told when it is over.
    /// - Throws: ``TestRunError`` if the system gives no thread.
    init(_ supervisor: Supervisor, _ signal: ChangeSignal) throws {
        self.ended = Mutex((false, []))
        do throws(ThreadError) {
            try WorkerThread.start(name: "test-run") { [self] in
                Self.run(supervisor)
                let waiters = self.ended.withLock { state in
                    defer { state = (true, []) }
                    return state.waiters
                }
                for waiter in waiters { waiter.resume() }
                signal.send()
            }.detach()
        } catch {
            throw TestRunError(.noThread)
        }
    }

    private static func run(_ supervisor: Supervisor) { _ = supervisor.run() }

    /// Returns when it is over.
    func end() async {
        await withCheckedContinuation { continuation in
            let isOver = self.ended.withLock { state in
                if !state.isOver { state.waiters.append(continuation) }
                return state.isOver
            }
            if isOver { continuation.resume() }
        }
    }
}
