import AMQPClient
import Synchronization

/// Tells of the broker's alarms as they come: a command that waits should say for what.
final class AlarmWatch: ConnectionDelegate {
    private let state = Mutex<String?>(nil)

    /// The broker's words, while it has one.
    var reason: String? { self.state.withLock { $0 } }

    func connectionBlocked(reason: String) {
        self.state.withLock { $0 = reason }
        StandardError.write("the broker holds publishers back: \(reason); waiting for it")
    }

    func connectionUnblocked() {
        self.state.withLock { $0 = nil }
        StandardError.write("the broker takes messages again")
    }

    func connectionEnded(_ error: AMQPError) {}
}
