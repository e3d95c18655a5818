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
}
