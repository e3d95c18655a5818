import Glibc
import Synchronization

/// The programs that run at the moment, for the end of the process.
final class RunningPrograms: Sendable {
    static let all = RunningPrograms()

    private let groups = Mutex((running: Set<ProcessGroup>(), isOver: false))

    func add(_ group: ProcessGroup) {
        let isOver = self.groups.withLock {
            $0.running.insert(group)
            return $0.isOver
        }
        if isOver { group.send(SIGKILL) }
    }

    func remove(_ group: ProcessGroup) { self.groups.withLock { _ = $0.running.remove(group) } }

    func killAll() {
        let running = self.groups.withLock {
            $0.isOver = true
            return $0.running
        }
        for group in running { group.send(SIGKILL) }
    }
}
