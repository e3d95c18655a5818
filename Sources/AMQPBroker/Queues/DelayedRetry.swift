import AMQPWire

/// How long what comes back to a quorum queue of 4.3 waits before it goes out again.
struct DelayedRetry: Sendable, Equatable {
    /// Whether what counts toward the delivery limit waits: rejected, or back from a channel that has ended.
    private let delaysFailed: Bool
    /// Whether the rest does: `basic.nack`, `basic.recover`.
    private let delaysReturned: Bool
    /// Milliseconds for each delivery that has counted, and at most.
    private let least: UInt64
    private let most: UInt64

    /// What the arguments of a queue ask for; nil where they mean nothing, which a RabbitMQ takes without a word.
    init?(_ arguments: FieldTable) {
        switch arguments["x-delayed-retry-type"]?.stringValue {
        case "all": (self.delaysFailed, self.delaysReturned) = (true, true)
        case "failed": (self.delaysFailed, self.delaysReturned) = (true, false)
        case "returned": (self.delaysFailed, self.delaysReturned) = (false, true)
        default: return nil
        }
        guard let least = arguments["x-delayed-retry-min"]?.intValue, least > 0 else { return nil }
        self.least = UInt64(least)
        self.most = arguments["x-delayed-retry-max"]?.intValue.flatMap { $0 > 0 ? UInt64($0) : nil } ?? self.least
    }

    /// How long it waits.
    ///
    /// - Parameters:
    ///   - isFailure: Whether this coming back counts.
    ///   - failures: How many have counted by now, this one included.
    /// - Returns: Milliseconds; nil for not at all.
    func wait(isFailure: Bool, failures: Int) -> UInt64? {
        guard isFailure ? self.delaysFailed : self.delaysReturned else { return nil }
        let (time, isOver) = self.least.multipliedReportingOverflow(by: UInt64(max(failures, 1)))
        return isOver ? self.most : min(time, self.most)
    }
}
