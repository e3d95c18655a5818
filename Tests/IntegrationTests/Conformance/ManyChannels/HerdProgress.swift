import AMQPClient

/// How far the herds are; all threads tell it, the test waits for it.
final class HerdProgress: Sendable {
    private struct State {
        var ready = 0
        var settled = 0
        var isFailing = false
        var isStopped = false
        var errors: [UInt16: Int] = [:]
        var failures: [String] = []
    }
    private let monitor = Monitor(State())

    private func change(_ body: (inout State) -> Void) {
        self.monitor.withLock { body(&$0) }
        self.monitor.broadcast()
    }

    func ready() { self.change { $0.ready += 1 } }
    func settled(_ count: Int) { self.change { $0.settled += count } }
    /// A channel ended with this code, as was meant.
    func failed(_ code: UInt16) { self.change { $0.errors[code, default: 0] += 1 } }
    func setFailing(_ isFailing: Bool) { self.change { $0.isFailing = isFailing } }
    func stop() { self.change { $0.isStopped = true } }
    func fail(_ text: String) { self.change { $0.failures.append(text) } }

    /// Whether channels are to fail now.
    var isFailing: Bool { self.monitor.withLock { $0.isFailing } }
    var errors: [UInt16: Int] { self.monitor.withLock { $0.errors } }
    var errorCount: Int { self.errors.values.reduce(0, +) }
    var isStopped: Bool { self.monitor.withLock { $0.isStopped } }
    var failures: [String] { self.monitor.withLock { $0.failures } }

    /// Whether every herd has all its consumers within 90 s.
    func awaitReady(_ herds: Int) -> Bool {
        self.await(.seconds(90)) { $0.ready == herds ? true : $0.failures.isEmpty ? nil : false }
    }

    /// Whether so many messages are settled within 120 s.
    func awaitSettled(_ count: Int) -> Bool {
        self.await(.seconds(120)) { $0.settled >= count ? true : $0.failures.isEmpty ? nil : false }
    }

    private func await(_ patience: Duration, _ done: (inout State) -> Bool?) -> Bool {
        self.monitor.wait(until: MonotonicClock.deadline(in: patience), done) ?? false
    }
}
