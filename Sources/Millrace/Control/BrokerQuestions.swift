import AMQPClient

/// Questions of operators to the broker, one at a time: who asks waits for a moment, whatever the broker does.
///
/// A broker that is frozen ends no connection and answers nothing. Its question stays open then, on a thread of its own, and
/// whoever asks meanwhile is told so at once.
///
/// Thread-safe.
final class BrokerQuestions: Sendable {
    /// What came of a question.
    enum Answer<Value: Sendable>: Sendable {
        case heard(Value)
        /// Nothing came for so long.
        case silent(Duration)
    }

    /// For the first sign of an answer: an operator's command takes less than 100 ms, whatever the broker does.
    static let patience = Duration.milliseconds(60)
    /// For each request after the first sign: the broker is there.
    static let longPatience = Duration.seconds(5)

    /// Since when a question is open, in nanoseconds of the monotonic clock.
    private let open = Monitor<UInt64?>(nil)

    /// What one question has come to.
    private struct Progress<Value: Sendable>: Sendable {
        var isHeard = false
        var value: Value?
    }

    /// Asks on a thread of its own, and waits for the answer; not on an event loop.
    ///
    /// - Parameters:
    ///   - patience: How long the first sign of an answer may take.
    ///   - question: Asks; it calls what it gets at the first sign, and ends by itself at some time.
    /// - Returns: Its answer, or how long there was none.
    func ask<Value: Sendable>(
        patience: Duration = BrokerQuestions.patience,
        _ question: @escaping @Sendable (_ heard: () -> Void) -> Value
    ) -> Answer<Value> {
        let began = MonotonicClock.now()
        let deadline = MonotonicClock.deadline(in: patience)
        let mayAsk = self.open.wait(until: deadline) { since -> Bool? in
            guard let opened = since else {
                since = began
                return true
            }
            // Nobody waits behind one that waits for too long itself.
            return began &- opened >= patience.nanoseconds ? false : nil
        }
        guard mayAsk == true else { return .silent(self.silence(since: began)) }
        let progress = Monitor(Progress<Value>(), level: .outermost)
        do throws(ThreadError) {
            try WorkerThread.start(name: "question") { [open] in
                let value = question {
                    progress.withLock { $0.isHeard = true }
                    progress.broadcast()
                }
                open.withLock { $0 = nil }
                open.broadcast()
                progress.withLock { $0.value = value }
                progress.broadcast()
            }.detach()
        } catch {
            self.open.withLock { $0 = nil }
            self.open.broadcast()
            return .silent(.zero)
        }
        let isHeard = progress.wait(until: deadline) { $0.isHeard || $0.value != nil ? true : nil } ?? false
        guard isHeard else { return .silent(self.silence(since: began)) }
        // Each request has its own limit now.
        return progress.wait(until: nil) { $0.value }.map { .heard($0) } ?? .silent(self.silence(since: began))
    }

    /// A channel for one thing to ask about: what is not there ends it.
    ///
    /// - Parameters:
    ///   - connection: Where to.
    ///   - heard: Called when it is open, which is a sign of life.
    /// - Returns: One whose requests have the long patience.
    /// - Throws: What the broker, or the connection, says.
    static func channel(on connection: Connection, _ heard: () -> Void) throws(AMQPError) -> Channel {
        let channel = try connection.openChannel(
            mailbox: Mailbox(),
            outwaitsBlocks: false,
            timeout: Self.longPatience
        )
        heard()
        channel.requestTimeout = Self.longPatience
        return channel
    }

    private func silence(since began: UInt64) -> Duration {
        let first = self.open.withLock { $0 } ?? began
        return .nanoseconds(Int64(clamping: MonotonicClock.now() &- min(first, began)))
    }
}
