package import AMQPClient
import AMQPWire

/// Asks all supervisors of a fleet how they stand, over the broker.
///
/// Nothing is declared, so nothing is left behind.
package struct FleetAsker {
    private let channel: Channel
    private let connection: Connection
    /// More are not listened to: somebody plays with the key.
    private static let limit = 10_000

    package init(_ connection: Connection) throws(AMQPError) {
        self.connection = connection
        self.channel = try connection.openChannel()
        try self.channel.consume(FleetWords.replies, noAck: true)
    }

    /// Asks, and collects what comes.
    ///
    /// - Parameters:
    ///   - fleet: Its name.
    ///   - wait: How long supervisors have to answer.
    ///   - expected: After so many it waits no longer.
    ///   - queues: Of the job file, whose consumers are counted beside those that the answers name.
    /// - Returns: What came.
    /// - Throws: Why the channel ended; without the right to publish to `amq.direct`, for one.
    package func ask(
        _ fleet: String,
        wait: Duration,
        expected: Int? = nil,
        queues: [String] = []
    ) throws(AMQPError) -> FleetView {
        let number = "\(UInt64.random(in: .min ... .max))"
        try self.channel.publish(
            [],
            exchange: FleetWords.exchange,
            routingKey: FleetWords.routingKey(fleet),
            properties: FleetWords.ask(number)
        )
        let deadline = MonotonicClock.deadline(in: wait)
        var answers: [String: FleetAnswer] = [:]
        var heard = 0
        while heard < Self.limit, answers.count < expected ?? .max,
            let delivery = try self.channel.nextDelivery(until: deadline)
        {
            heard += 1
            // What is no message of ours is nobody's answer.
            if let properties = try? delivery.properties,
                let answer = FleetWords.answer(properties, delivery.body, to: number)
            {
                answers[answer.id] = answer
            }
        }
        let all = Set(queues + answers.values.flatMap { $0.jobs.flatMap(\.queues) })
        return FleetView(fleet, Array(answers.values), consumers: try self.consumers(of: all), expected: expected)
    }

    /// What the broker says; a queue that is not there, or is another's, is left out.
    private func consumers(of queues: Set<String>) throws(AMQPError) -> [String: Int] {
        var counts: [String: Int] = [:]
        var channel = try self.connection.openChannel()
        for queue in queues.sorted().prefix(1000) {
            do throws(AMQPError) {
                counts[queue] = try channel.declareQueue(queue, passive: true).consumerCount
            } catch {
                guard error.scope != .connection else { throw error }
                channel = try self.connection.openChannel()
            }
        }
        channel.close()
        return counts
    }
}
