import AMQPCore
import AMQPWire
import NIOCore

/// The updates of the secret that wait for update-secret-ok, in the order they were sent (C66).
///
/// Lives on the event loop. One that gave up waiting keeps its place, so that its late answer is not another's.
final class SecretUpdates {
    private final class Waiter {
        var promise: EventLoopPromise<Void>?
        var deadline: Scheduled<Void>?

        func end(_ error: AMQPError?) {
            self.deadline?.cancel()
            if let error { self.promise?.fail(error) } else { self.promise?.succeed(()) }
            self.promise = nil
        }
    }
    private var waiters: [Waiter] = []

    func sent(_ promise: EventLoopPromise<Void>, timeout: Duration, on eventLoop: any EventLoop) {
        let waiter = Waiter()
        waiter.promise = promise
        let late = AMQPError(
            .timeout,
            scope: .call,
            text: "no answer in \(DurationText.write(timeout)); the broker may have taken the secret or not",
            method: .connectionUpdateSecret
        )
        let amount = TimeAmount.nanoseconds(Int64(timeout.nanoseconds))
        waiter.deadline = eventLoop.assumeIsolated().scheduleTask(in: amount) { waiter.end(late) }
        self.waiters.append(waiter)
    }

    func answered() {
        guard !self.waiters.isEmpty else { return }
        self.waiters.removeFirst().end(nil)
    }

    func ended(_ error: AMQPError) {
        for waiter in self.waiters { waiter.end(error) }
        self.waiters.removeAll()
    }
}
