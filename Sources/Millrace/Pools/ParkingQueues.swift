import AMQPClient

/// Queues that were declared for copies, and exchanges that were looked at.
final class ParkingQueues: Sendable {
    private let declared = Monitor<Set<String>>([])

    /// Whether the queue has to be declared before a message is put in.
    func mustDeclare(_ name: String) -> Bool { self.declared.withLock { !$0.contains(name) } }

    func wasDeclared(_ name: String) {
        self.declared.withLock { _ = $0.insert(name) }
        self.declared.broadcast()
    }

    /// Waits until somebody else has declared it; false when the deadline passes first.
    func awaitDeclared(_ name: String, until deadline: UInt64) -> Bool {
        self.declared.wait(until: deadline) { $0.contains(name) ? true : nil } ?? false
    }

    /// It is gone, or not what was thought.
    func forget(_ name: String) { self.declared.withLock { _ = $0.remove(name) } }
}
