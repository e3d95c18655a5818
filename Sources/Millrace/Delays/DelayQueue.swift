package import AMQPClient
package import AMQPWire

/// The queues in which copies of one job queue's messages wait.
///
/// They are permanent: nothing expires in them, and only people delete them. What the broker
/// throws out of one by itself, for a policy, goes to the job's queue.
package struct DelayQueue: Sendable, Equatable {
    /// The job's queue.
    package let home: String
    /// Of the job's queue; nil leaves it to the broker, as there.
    package let type: QueueDefinition.QueueType?
    package let ladder: DelayLadder

    package init(home: String, type: QueueDefinition.QueueType?, ladder: DelayLadder) {
        self.home = home
        self.type = type
        self.ladder = ladder
    }

    package func name(_ stage: Int) -> String { self.ladder.queueName(stage, of: self.home) }

    package var names: [String] { self.ladder.stages.indices.map { self.name($0) } }

    package var arguments: FieldTable {
        var arguments = FieldTable()
        if let type = self.type { arguments["x-queue-type"] = .string(type.rawValue) }
        // A limit set by a policy refuses copies, which is heard of, and drops none.
        arguments["x-overflow"] = .string("reject-publish")
        arguments["x-dead-letter-exchange"] = .string("")
        arguments["x-dead-letter-routing-key"] = .string(self.home)
        if self.type == .quorum {
            arguments["x-dead-letter-strategy"] = .string("at-least-once")
            // Each supervisor that ends gives back what it had in hand, which is no failure.
            arguments["x-delivery-limit"] = .int64(1_000_000_000)
        }
        return arguments
    }

    package func declare(_ stage: Int, on channel: Channel) throws(AMQPError) {
        _ = try channel.declareQueue(self.name(stage), arguments: self.arguments)
    }
}
