import Synchronization

/// Says that something may have changed, to whoever waits for that: the one wait of a run, and no polling.
final class ChangeSignal: Sendable {
    private struct State {
        var count: UInt64 = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    /// How often there was one.
    var count: UInt64 { self.state.withLock { $0.count } }

    func send() {
        let waiters = self.state.withLock { state in
            state.count += 1
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns as soon as there were more than `count`.
    func wait(after count: UInt64) async {
        await withCheckedContinuation { continuation in
            let isThere = self.state.withLock { state in
                if state.count <= count { state.waiters.append(continuation) }
                return state.count > count
            }
            if isThere { continuation.resume() }
        }
    }
}
