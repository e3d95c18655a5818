/// What is known of a job at one moment, for ``Explanation``.
package struct JobFacts: Sendable {
    package var status: JobStatus
    package var connection: SupervisorStatus.Connection
    package var outputs: SupervisorStatus.Connection?
    package var isDraining = false
    /// Threads that are in a handler.
    package var busy = 0
    /// Outcomes per second.
    package var rate: Double?
    package var prefetch = 20
    /// Of the last half minute to minute.
    package var handlerTime: Duration?
    /// How long the broker has answered nothing, though there is a connection.
    package var silence: Duration?
    package var timeout: Duration?
    package var rateLimit: RateLimit?
    /// Messages that are ready in the queue; nil if the broker was not asked, or did not answer.
    package var ready: Int?
    /// Everybody's consumers of the queue.
    package var consumers: Int?
    /// Who paused it and why, for people.
    package var pauseNote: String?

    package init(
        status: JobStatus,
        connection: SupervisorStatus.Connection,
        outputs: SupervisorStatus.Connection? = nil
    ) {
        self.status = status
        self.connection = connection
        self.outputs = outputs
    }
}
