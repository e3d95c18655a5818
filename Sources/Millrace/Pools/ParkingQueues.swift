import AMQPClient

/// The queues that one job's workers have declared for copies, and the exchanges they have looked at, and when.
final class ParkingQueues: Sendable {
    private struct Declared {
        var times: [String: UInt64] = [:]
        var delays: Set<String> = []
    }
    private let declared = Monitor(Declared())

    /// Whether the queue has to be declared before a message is put in (see ``DelayStep/renewal``).
    func mustDeclare(_ name: String, now: UInt64) -> Bool {
        self.declared.withLock { $0.times[name].map { now &- $0 > DelayStep.renewal } ?? true }
    }

    func wasDeclared(_ name: String, isDelay: Bool, now: UInt64) {
        self.declared.withLock { declared in
            declared.times[name] = now
            if isDelay { declared.delays.insert(name) }
        }
    }

    /// It is gone, or not what was thought.
    func forget(_ name: String) {
        self.declared.withLock { declared in
            declared.times[name] = nil
            declared.delays.remove(name)
        }
    }

    /// Where messages wait for their time.
    var delays: [String] { self.declared.withLock { $0.delays.sorted() } }
}
