import AMQPClient
import TestSupport

/// A publisher that starts when the connection is blocked: a thread, and a channel that was open before.
final class LatePublisher: Sendable {
    private struct State {
        var isReady = false
        var mayGo = false
        var published = 0
        var failure: String?
    }
    private let monitor = Monitor(State())

    /// Opens its channel; publishes once it is told to.
    static func start(_ connection: Connection, bodies: [UInt8], to queue: String) throws -> (
        LatePublisher, WorkerThread
    ) {
        let publisher = LatePublisher()
        let thread = try WorkerThread.start(name: "late") {
            do {
                try publisher.publish(on: connection.openChannel(), bodies, queue)
            } catch {
                publisher.change { $0.failure = "\(error)" }
            }
        }
        _ = publisher.monitor.wait(until: Self.deadline()) { $0.isReady || $0.failure != nil ? true : nil }
        return (publisher, thread)
    }

    private func publish(on channel: Channel, _ bodies: [UInt8], _ queue: String) throws {
        self.change { $0.isReady = true }
        _ = self.monitor.wait(until: Self.deadline()) { $0.mayGo ? true : nil }
        for body in bodies {
            try channel.publish([body], routingKey: queue)
            self.change { $0.published += 1 }
        }
    }

    private static func deadline() -> UInt64? { MonotonicClock.deadline(in: Patience.long) }

    private func change(_ body: (inout State) -> Void) {
        self.monitor.withLock { body(&$0) }
        self.monitor.broadcast()
    }

    func go() { self.change { $0.mayGo = true } }
    /// How many publishes have returned.
    var published: Int { self.monitor.withLock { $0.published } }
    var failure: String? { self.monitor.withLock { $0.failure } }
}
