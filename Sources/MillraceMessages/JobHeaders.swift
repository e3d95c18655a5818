/// Headers that we write on copies of messages.
///
/// None begins with `x-`: brokers keep those for themselves and may drop them.
package enum JobHeaders {
    /// Integer: which attempt this copy is for; on a dead letter, how many were made.
    package static let attempt = "millrace-attempt"
    /// String: the job that failed.
    package static let job = "millrace-job"
    /// String: the queue it was consumed from.
    package static let queue = "millrace-queue"
    /// String: what went wrong, cut to a budget.
    package static let error = "millrace-error"
    /// Timestamp, seconds.
    package static let errorTime = "millrace-error-time"
    /// String: `plugin.handler on HOST`.
    package static let errorPlace = "millrace-error-place"
    /// String: the exchange it was first published to.
    package static let exchange = "millrace-exchange"
    /// String: the routing key it was first published with.
    package static let routingKey = "millrace-routing-key"
    /// String: why it is dead: `exhausted`, `rejected`, `failed`, `crashed`, `hung`.
    package static let failure = "millrace-failure"
    /// Integer: when a copy's wait is over, in milliseconds since 1970; only in a delay queue.
    package static let due = "millrace-due"
    /// Integer: what of the wait is left after this stage, in milliseconds; only in a delay queue.
    package static let left = "millrace-left"
    /// String: the `user-id` of the message that a copy was made of.
    package static let userID = "millrace-user-id"
    /// Array of strings: the queues in which it became a dead letter.
    package static let diedIn = "millrace-died-in"

    /// Integer: when a message was published, in milliseconds since 1970; by whoever publishes it; for measures alone.
    package static let publishedAt = "millrace-published-at"

    /// All that say something of a message's life in Millrace: of a message that is no copy of ours none is believed.
    package static let all: Set<String> = [
        Self.attempt, Self.job, Self.queue, Self.error, Self.errorTime, Self.errorPlace, Self.exchange, Self.routingKey,
        Self.failure, Self.due, Self.left, Self.userID, Self.diedIn,
    ]
}
