package import AMQPWire

/// One wait before a message comes again, and the queue on the broker that holds it meanwhile.
///
/// A queue for each wait, because a broker looks for expired messages at a queue's head alone: a long wait in front
/// would hold up the short ones behind it.
package struct DelayStep: Hashable, Sendable {
    /// 1 ms…7 days, two significant digits: handlers that snooze for any time must not make a queue for each.
    package let milliseconds: Int

    package static let longest = 7 * 86_400_000

    /// Rounds up.
    package init(milliseconds: Double) {
        let wanted = Int(min(max(milliseconds, 1), Double(Self.longest)).rounded(.up))
        var unit = 1
        while wanted / unit >= 100 { unit *= 10 }
        self.milliseconds = min((wanted + unit - 1) / unit * unit, Self.longest)
    }

    package init(nanoseconds: UInt64) { self.init(milliseconds: Double(nanoseconds) / 1e6) }

    /// `orders.retry.5000ms`.
    package func queueName(for queue: String) -> String { DerivedName.of(queue, "retry.\(self.milliseconds)ms") }

    /// How long a declaration can be relied on, in nanoseconds: after that it is made again before the next message.
    package static let renewal: UInt64 = 60_000_000_000

    /// What declares the queue: messages go back to `queue` when their time has come.
    ///
    /// It deletes itself when it has not been declared again for the wait and ten minutes: by then the last message,
    /// put in within ``renewal``, has left it.
    ///
    /// - Parameters:
    ///   - queue: The job's.
    ///   - isSafe: Whether a message may leave it only when `queue` has taken it: a classic queue forgets it either way.
    /// - Returns: The arguments.
    package func arguments(for queue: String, isSafe: Bool) -> FieldTable {
        var arguments = FieldTable()
        arguments["x-message-ttl"] = .int64(Int64(self.milliseconds))
        arguments["x-expires"] = .int64(Int64(self.milliseconds + 600_000))
        arguments["x-dead-letter-exchange"] = .string("")
        arguments["x-dead-letter-routing-key"] = .string(queue)
        if isSafe {
            // Without the other two a quorum queue dead-letters at most once.
            arguments["x-queue-type"] = .string("quorum")
            arguments["x-dead-letter-strategy"] = .string("at-least-once")
            arguments["x-overflow"] = .string("reject-publish")
        }
        return arguments
    }
}
