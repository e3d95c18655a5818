package import AMQPWire

/// What the copy of a dead letter carries back to its job's queue.
package enum ReplayProperties {
    /// What a failure left behind, and another try does not carry.
    private static let leftBehind = [
        JobHeaders.attempt, JobHeaders.job, JobHeaders.queue, JobHeaders.error, JobHeaders.errorTime,
        JobHeaders.errorPlace, JobHeaders.failure, JobHeaders.diedIn,
    ]

    /// Nothing of the failure, but where the message was first published.
    ///
    /// That is what our headers say; without them what the broker noted when the message died in the job's queue, or at its
    /// latest death; else where it lies now.
    ///
    /// - Parameters:
    ///   - dead: The dead letter's.
    ///   - exchange: Where the dead letter itself was published.
    ///   - routingKey: The same.
    ///   - jobQueue: Where the copy goes.
    ///   - seal: What tells our copies from others.
    /// - Returns: The copy's.
    package static func of(
        _ dead: BasicProperties,
        exchange: FieldValue,
        routingKey: FieldValue,
        to jobQueue: String,
        seal: CopySeal = CopySeal(user: nil)
    ) -> BasicProperties {
        let deaths = BrokerDeath.all(in: dead.headers)
        let death = deaths.first { $0.queue == jobQueue } ?? deaths.first
        var copy = MessageCopy.properties(
            of: dead,
            attempt: nil,
            origin: (death?.exchange ?? exchange, death?.routingKey ?? routingKey),
            note: nil,
            seal: seal
        )
        for header in Self.leftBehind { copy.headers?[header] = nil }
        return copy
    }
}
