import AMQPClient

/// The messages of a job that a handler has hung on, until each comes again and the attempt is counted.
///
/// In memory: after a restart, or on another host, such a message is a redelivered one like others.
final class HungMessages: Sendable {
    private let monitor = Monitor<[Fingerprint]>([])
    /// Messages that never come again, because somebody else has them, must not pile up.
    private static let limit = 1000

    func note(_ message: Fingerprint) {
        self.monitor.withLock { messages in
            if messages.count == Self.limit { messages.removeFirst() }
            messages.append(message)
        }
    }

    /// Whether it was noted; once for each time.
    func take(_ message: @autoclosure () -> Fingerprint) -> Bool {
        guard self.monitor.withLock({ !$0.isEmpty }) else { return false }
        let message = message()
        return self.monitor.withLock { messages in
            guard let index = messages.firstIndex(of: message) else { return false }
            messages.remove(at: index)
            return true
        }
    }
}
