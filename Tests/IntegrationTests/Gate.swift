import AMQPClient
import TestSupport

/// Where handlers wait until their test lets them go on, and what they have begun.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var released: Set<String> = []
        var begun: [String] = []
        var streams: [AsyncStream<Void>.Continuation] = []
    }
    private let monitor = Monitor(State())

    func note(_ message: String) {
        self.monitor.withLock { $0.begun.append(message) }
        self.monitor.broadcast()
    }

    var begun: [String] { self.monitor.withLock { $0.begun } }

    /// Waits until what was begun is as wanted.
    func wait(_ isThere: ([String]) -> Bool) -> Bool {
        self.monitor.wait(until: MonotonicClock.deadline(in: Patience.long)) { isThere($0.begun) ? true : nil } ?? false
    }

    func waitForBegin(_ message: String) -> Bool { self.wait { $0.contains(message) } }

    /// - Parameter name: By which this one alone may be let go.
    func stayUntilOpen(_ name: String? = nil) {
        let _: Bool? = self.monitor.wait(until: nil) { state in
            state.isOpen || name.map(state.released.contains) == true ? true : nil
        }
    }

    /// Lets go who waits under this name, now or later.
    func release(_ name: String) {
        self.monitor.withLock { _ = $0.released.insert(name) }
        self.monitor.broadcast()
    }

    func stream() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        self.monitor.withLock { state in
            if state.isOpen { continuation.finish() } else { state.streams.append(continuation) }
        }
        return stream
    }

    func open() {
        let streams = self.monitor.withLock { state in
            state.isOpen = true
            defer { state.streams = [] }
            return state.streams
        }
        for stream in streams { stream.finish() }
        self.monitor.broadcast()
    }
}

private let gates = Monitor<[String: Gate]>([:])

/// The gate of this name: the test and its handlers, which it knows by their options alone, meet there.
func gateNamed(_ name: String) -> Gate {
    gates.withLock { gates in
        let gate = gates[name] ?? Gate()
        gates[name] = gate
        return gate
    }
}
