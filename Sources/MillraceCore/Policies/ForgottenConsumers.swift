import AMQPCore

/// Finds the jobs whose consumers the broker has forgotten: their workers believe that they consume, and the queue has
/// no consumer.
///
/// A broker that never counted a consumer of a queue says nothing by 0: streams have none. A value; the time comes in.
package struct ForgottenConsumers: Sendable {
    private let limit: UInt64
    /// Queues that have had a consumer.
    private var counted: Set<String> = []
    /// A job may have several queues.
    private struct Place: Hashable {
        let job: String
        let queue: String
    }
    /// Since when each job's queue has none, or when its workers were told to consume again last.
    private var since: [Place: UInt64] = [:]

    /// - Parameter limit: How long a queue is without a consumer before something is done: one that opens is none yet.
    package init(limit: Duration) { self.limit = limit.nanoseconds }

    /// One look at a job's queue.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - queue: One of its queues at this time: a reload may give it others.
    ///   - own: How many of its workers believe that they consume it.
    ///   - consumers: How many the broker says there are, whoever has them.
    ///   - now: Nanoseconds.
    /// - Returns: Whether its workers have to consume again; true once per limit.
    package mutating func look(job: String, queue: String, own: Int, consumers: Int, now: UInt64) -> Bool {
        if consumers > 0 { self.counted.insert(queue) }
        let place = Place(job: job, queue: queue)
        guard own > 0, consumers == 0, self.counted.contains(queue) else {
            self.since[place] = nil
            return false
        }
        guard let start = self.since[place] else {
            self.since[place] = now
            return false
        }
        guard now &- start >= self.limit else { return false }
        self.since[place] = now
        return true
    }
}
