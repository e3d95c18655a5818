/// What waits for a job in all of its queues together, and which part of it is its own threads' to work off.
package struct JobBacklog: Equatable, Sendable {
    /// What was seen of one of its queues.
    package struct Queue: Equatable, Sendable {
        /// Messages that are ready.
        package let messages: Int
        /// Everybody's consumers.
        package let consumers: Int
        /// Those of them that are ours.
        package let own: Int

        package init(messages: Int, consumers: Int, own: Int) {
            self.messages = messages
            self.consumers = consumers
            self.own = own
        }
    }

    /// Of all queues.
    package let messages: Int
    /// More than 0 where one of ours consumes, at most 1: each queue counts as much as it holds.
    package let share: Double

    /// - Parameter queues: What is known; nil of it makes nil of this.
    package init?(_ queues: [Queue]) {
        guard !queues.isEmpty else { return nil }
        func share(_ queue: Queue) -> Double { Double(queue.own) / Double(max(queue.consumers, queue.own, 1)) }
        let messages = queues.reduce(0) { $0 + $1.messages }
        self.messages = messages
        if messages > 0 {
            self.share = queues.reduce(0) { $0 + share($1) * Double($1.messages) } / Double(messages)
        } else {
            self.share = queues.reduce(0) { $0 + share($1) } / Double(queues.count)
        }
    }

    /// A queue of which the broker has not said anything holds nothing that is known.
    init?(_ pool: Pool, _ counts: [String: BacklogWatch.Count]) {
        self.init(
            pool.job.queues.compactMap { name in
                guard let count = counts[name] else { return nil }
                let own = pool.handles.count { $0.consumes(name) }
                return Queue(messages: count.messages, consumers: count.consumers, own: own)
            }
        )
    }
}
