import AMQPClient
import Logging

/// Work whose acks the broker never got, so that it will be done again: counted from when there was last a connection.
struct RedoneWork {
    /// Of each job, how many acks had been dropped until then: those messages came again, on that connection.
    private var before: [String: Int] = [:]

    /// There is a connection.
    mutating func noteConnection(_ pools: [Pool]) {
        for pool in pools { self.before[pool.job.name] = pool.counters.counts.droppedAcks }
    }

    /// Says at the end of a run how many deliveries will come again though a handler is done with them.
    ///
    /// - Parameters:
    ///   - pools: The jobs.
    ///   - isConnected: Whether there is a connection: then the broker has got all acks that it was to get.
    /// - Returns: Whether there are any.
    func say(_ pools: [Pool], isConnected: Bool) -> Bool {
        var isAny = false
        for pool in pools {
            let dropped = pool.counters.counts.droppedAcks - self.before[pool.job.name, default: 0]
            let count = isConnected ? 0 : dropped
            let unsure = pool.handles.count { $0.hasNoAnswer }
            guard count > 0 || unsure > 0 else { continue }
            isAny = true
            if count > 0 {
                pool.logger.error(
                    "acks did not go out any more: what handlers are done with comes again",
                    metadata: [
                        "job": "\(pool.job.name)", "queue": "\(pool.job.queueNames)", "deliveries": .number(count),
                    ]
                )
            }
            if unsure > 0 {
                pool.logger.error(
                    "the broker did not answer: what was settled last may come again",
                    metadata: [
                        "job": "\(pool.job.name)", "queue": "\(pool.job.queueNames)", "workers": .number(unsure),
                    ]
                )
            }
        }
        return isAny
    }
}
