package import AMQPWire

/// What a dead letter carries when it is put back as a copy of itself.
///
/// A quorum queue counts how often it gave a message out, and at its delivery limit the broker drops the message. A copy
/// counts from the beginning.
package enum RenewedProperties {
    /// Everything, but for what belongs to one publish, and what the broker noted where our own headers do not say it:
    /// newer brokers do not take their notes from a client.
    ///
    /// - Parameters:
    ///   - dead: The dead letter's.
    ///   - seal: What tells our copies from others: what somebody else wrote in our name stays unbelieved.
    /// - Returns: The copy's.
    package static func of(_ dead: BasicProperties, seal: CopySeal = CopySeal(user: nil)) -> BasicProperties {
        var copy = dead
        var headers = dead.headers ?? FieldTable()
        let isForged = !seal.isOurs(dead) && headers.keys.contains { JobHeaders.all.contains($0) }
        copy.userID = isForged ? nil : seal.user  // the broker checks it against our login
        if let death = BrokerDeath.all(in: headers).first {
            func note(_ header: String, _ value: FieldValue?) {
                if headers[header] == nil, let value { headers[header] = value }
            }
            note(JobHeaders.queue, death.queue.map(FieldValue.string))
            note(JobHeaders.error, death.reason.map(FieldValue.string))
            note(JobHeaders.failure, death.reason.map(FieldValue.string))
            note(JobHeaders.exchange, death.exchange)
            note(JobHeaders.routingKey, death.routingKey)
            if headers[JobHeaders.errorTime] == nil, let time = death.time {
                headers[JobHeaders.errorTime] = .timestamp(time)
            }
        }
        // CC and BCC would send the copy to other queues too.
        for header in ["x-delivery-count", "x-acquired-count", "CC", "BCC"] { headers[header] = nil }
        copy.headers = headers
        return copy
    }
}
