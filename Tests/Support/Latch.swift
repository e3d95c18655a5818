import AMQPClient

/// An event that happens once, and that others wait for.
package final class Latch: Sendable {
    private let state = Monitor(false)

    package init() {}

    package func open() {
        self.state.withLock { $0 = true }
        self.state.broadcast()
    }

    /// Whether it happens within a minute.
    package func wait() -> Bool {
        self.state.wait(until: MonotonicClock.deadline(in: Patience.long)) { $0 ? true : nil } ?? false
    }
}
