import Dispatch
import Glibc
import Synchronization

/// The programs that run at the moment, for the end of the process.
final class RunningPrograms: Sendable {
    static let all = RunningPrograms()

    private let groups = Mutex((running: Set<ProcessGroup>(), isOver: false))
    /// Programs that may run already, and have no number yet.
    private let starts = DispatchGroup()

    /// A program is about to be started; ``began(_:)`` or ``didNotBegin()`` has to follow.
    ///
    /// - Returns: False if none may be any more: nothing has to follow then.
    func mayStart() -> Bool {
        self.groups.withLock {
            if !$0.isOver { self.starts.enter() }
            return !$0.isOver
        }
    }

    func began(_ group: ProcessGroup) {
        let isOver = self.groups.withLock {
            $0.running.insert(group)
            return $0.isOver
        }
        if isOver { group.send(SIGKILL) }
        self.starts.leave()
    }

    func didNotBegin() { self.starts.leave() }

    func remove(_ group: ProcessGroup) { self.groups.withLock { _ = $0.running.remove(group) } }

    /// Ends all that run, and those that are just being started.
    ///
    /// - Parameter patience: How long these are waited for; what takes longer ends with nobody's help.
    func killAll(patience: DispatchTimeInterval = .seconds(2)) {
        let running = self.groups.withLock {
            $0.isOver = true
            return $0.running
        }
        for group in running { group.send(SIGKILL) }
        _ = self.starts.wait(timeout: .now() + patience)
    }
}
