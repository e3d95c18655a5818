import AMQPClient

/// What a worker has whose handler takes batches.
final class Batching {
    /// A delivery that waits for its batch.
    struct Collected {
        let record: ContentRecord
        let block: Block
    }

    let begin: HandlerFunctions.BeginBatch
    let size: Int
    var collector: BatchCollector<Collected>
    /// The end of the last pause that the rate limit asked for.
    ///
    /// It holds back what is not collected yet; what is collected has passed it.
    var limitedUntil: UInt64 = 0

    init(_ begin: @escaping HandlerFunctions.BeginBatch, _ job: JobDefinition) {
        let batch = Self.options(of: job)
        self.begin = begin
        self.size = batch.size
        self.collector = BatchCollector(size: batch.size, timeout: batch.timeout.nanoseconds)
    }

    static func options(of job: JobDefinition) -> HandlerBatch { job.batch ?? .unlessGiven(prefetch: job.prefetch) }

    /// Whether the worker's pause, if there is one, lets a batch begin; 0 is no pause.
    func mayBegin(pausedUntil: UInt64, now: UInt64) -> Bool {
        pausedUntil == 0 || pausedUntil == self.limitedUntil || now >= pausedUntil
    }

    /// When a batch begins if nothing comes before.
    func nextWake(pausedUntil: UInt64) -> UInt64? {
        guard let deadline = self.collector.deadline else { return nil }
        return pausedUntil == 0 || pausedUntil == self.limitedUntil ? deadline : max(deadline, pausedUntil)
    }

    /// The channel ended, or gives back what is not begun.
    ///
    /// - Returns: The tags of what was collected, oldest first.
    func removeAll() -> [UInt64] {
        self.collector.take().map(\.record.deliveryTag)
    }
}
