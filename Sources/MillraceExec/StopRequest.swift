import Glibc
import Synchronization

/// Ends the process group of one program when that is asked for: SIGTERM, and SIGKILL after a grace.
final class StopRequest: Sendable {
    enum Reason: Sendable, Equatable {
        /// The job's timeout has passed, or the supervisor stops.
        case cancelled
        /// It writes too much to this stream.
        case tooMuch(String)
        /// This stream of it could not be read.
        case unreadable(String)
    }

    private struct State {
        var reason: Reason?
        var killsAt: ContinuousClock.Instant?
        var group: ProcessGroup?
        var isOver = false
        var timer: Task<Void, Never>?
    }

    private let grace: Duration
    private let state = Mutex(State())

    init(grace: Duration) { self.grace = grace }

    /// The first reason counts.
    var reason: Reason? { self.state.withLock { $0.reason } }

    /// Nil until the program runs.
    var group: ProcessGroup? { self.state.withLock { $0.group } }

    /// From any thread, before the program runs or later.
    func ask(_ reason: Reason) {
        self.state.withLock { state in
            guard state.reason == nil else { return }
            state.reason = reason
            self.end(&state)
        }
    }

    /// The program runs.
    func began(_ group: ProcessGroup) {
        self.state.withLock { state in
            state.group = group
            if state.reason != nil { self.end(&state) }
        }
    }

    /// The program has ended: its number is not its own any more.
    ///
    /// - Returns: When what it has left behind is killed.
    func ended() -> ContinuousClock.Instant {
        self.state.withLock { state in
            state.isOver = true
            state.timer?.cancel()
            state.timer = nil
            return state.killsAt ?? .now + self.grace
        }
    }

    private func end(_ state: inout State) {
        guard let group = state.group, !state.isOver, state.timer == nil else { return }
        let deadline = ContinuousClock.now + self.grace
        state.killsAt = deadline
        group.send(SIGTERM)
        state.timer = Task {
            do {
                try await ContinuousClock().sleep(until: deadline)
            } catch {
                return
            }
            self.state.withLock { if !$0.isOver { group.send(SIGKILL) } }
        }
    }
}
