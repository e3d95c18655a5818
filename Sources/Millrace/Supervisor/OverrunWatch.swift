import AMQPClient
import Logging
import Synchronization

/// Reports handlers that run longer than their job's timeout while their worker's thread is blocked.
///
/// A thread that is free reports the deliveries in its hands itself.
enum OverrunWatch {
    /// So long a thread that may be free has for its own report, in nanoseconds.
    private static let grace: UInt64 = 1_000_000_000

    static func look(at pools: [Pool], now: UInt64, _ stopped: StoppedTime) {
        for pool in pools {
            guard let timeout = pool.job.timeout else { continue }
            let limit = timeout.nanoseconds + (pool.blocksItsThreads ? 0 : Self.grace)
            for handle in pool.handles {
                let tag = handle.oldest.tag  // before its time
                let began = handle.beganAt.load(ordering: .relaxed)
                guard began > 0, stopped.ran(since: began, now: now) > limit, handle.oldest.claim(tag) else { continue }
                var counts = JobCounts()
                counts.overruns = 1
                pool.counters.add(counts)
                handle.logOverrun(tag, ranFor: now - began)
            }
        }
    }
}

extension WorkerHandle {
    /// - Parameters:
    ///   - tag: The delivery's.
    ///   - time: Nanoseconds since its handler began.
    ///   - messageID: If the message has one, and the caller may read it.
    func logOverrun(_ tag: UInt64, ranFor time: UInt64, messageID: String? = nil) {
        var metadata: Logger.Metadata = [
            "delivery": .number(tag), "timeout": "\(self.job.timeout.map(DurationText.write) ?? "none")",
            "running_ms": .number(time / 1_000_000),
        ]
        if let messageID { metadata["message_id"] = "\(messageID)" }
        self.logger.warning("a handler runs longer than its timeout", metadata: metadata)
    }
}
