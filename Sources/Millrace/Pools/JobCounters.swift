import AMQPClient

/// What was done for one job since the start.
public struct JobCounts: Sendable, Equatable {
    /// Deliveries begun by a handler, or given back before one began.
    public var received = 0
    /// Deliveries acked, outputs published.
    public var acked = 0
    /// Deliveries that became dead letters.
    public var rejected = 0
    /// Deliveries that failed and come again after a wait.
    public var retried = 0
    /// Deliveries that their handler put off.
    public var snoozed = 0
    /// Deliveries rejected back to the queue after a failure.
    public var requeued = 0
    /// Deliveries given back without a failure: drained, or requeued by the handler.
    public var givenBack = 0
    /// Deliveries dropped on purpose.
    public var discarded = 0
    /// Outputs published, and confirmed where the job asks for that.
    public var published = 0
    /// Handlers that ran longer than the job's timeout.
    public var overruns = 0
    /// Deliveries whose handler was given up at the job's `kill_timeout`; the broker gives them out again.
    public var abandoned = 0
    /// Outcomes that were not sent because their channel had ended; the broker gives those messages out again (C54).
    public var droppedAcks = 0
    /// Deliveries without acks that did not succeed and could not be set aside: they are nowhere any more.
    public var lost = 0

    /// No counts.
    public init() {}

    /// Every count, by the name that it has in reports: whatever shows counts goes by this list.
    public var all: [(name: String, count: Int)] {
        [
            ("received", self.received), ("acked", self.acked), ("rejected", self.rejected), ("retried", self.retried),
            ("snoozed", self.snoozed), ("requeued", self.requeued), ("given_back", self.givenBack),
            ("discarded", self.discarded), ("published", self.published), ("overruns", self.overruns),
            ("abandoned", self.abandoned), ("dropped_acks", self.droppedAcks), ("lost", self.lost),
        ]
    }

    /// Deliveries with an outcome.
    public var settled: Int {
        self.acked + self.rejected + self.retried + self.snoozed + self.requeued + self.givenBack + self.discarded
            + self.droppedAcks + self.lost
    }

    mutating func count(_ settlement: Settlement) {
        switch settlement {
        case .ack: self.acked += 1
        case .discard: self.discarded += 1
        case .reject, .deadLettered: self.rejected += 1
        case .retried: self.retried += 1
        case .snoozed: self.snoozed += 1
        case .rejectRequeue: self.requeued += 1
        case .giveBack: self.givenBack += 1
        }
    }

    static func += (left: inout JobCounts, right: JobCounts) {
        left.received += right.received
        left.acked += right.acked
        left.rejected += right.rejected
        left.retried += right.retried
        left.snoozed += right.snoozed
        left.requeued += right.requeued
        left.givenBack += right.givenBack
        left.discarded += right.discarded
        left.published += right.published
        left.overruns += right.overruns
        left.abandoned += right.abandoned
        left.droppedAcks += right.droppedAcks
        left.lost += right.lost
    }
}

/// The counts of one job, added to by its workers once per batch; what they have begun is known at once.
final class JobCounters: Sendable {
    private struct State {
        var counts = JobCounts()
        var received: [ReceivedCount] = []
        var times = JobTimes()
        var failure: JobFailure?
    }
    private let monitor = Monitor(State())

    func add(_ counts: JobCounts) { self.monitor.withLock { $0.counts += counts } }

    /// The same, with what was measured and what went wrong last.
    func add(_ counts: JobCounts, times: ContiguousArray<TimeSample>, failure: JobFailure?) {
        self.monitor.withLock { state in
            state.counts += counts
            for sample in times { state.times.add(sample) }
            if let failure { state.failure = failure }
        }
    }

    /// To be called every few seconds: what is of late goes on.
    func follow(now: UInt64) { self.monitor.withLock { $0.times.follow(now: now) } }

    /// How long handlers take and messages wait.
    var times: JobTimes { self.monitor.withLock { $0.times } }
    /// What went wrong last.
    var failure: JobFailure? { self.monitor.withLock { $0.failure } }

    /// One more worker, until ``retire(_:)``.
    func makeReceived() -> ReceivedCount {
        let received = ReceivedCount()
        self.monitor.withLock { $0.received.append(received) }
        return received
    }

    /// Its worker has ended: what it has begun stays counted.
    func retire(_ received: ReceivedCount) {
        self.monitor.withLock { state in
            state.counts.received += received.value
            state.received.removeAll { $0 === received }
        }
    }

    var counts: JobCounts {
        self.monitor.withLock { state in
            var counts = state.counts
            for received in state.received { counts.received += received.value }
            return counts
        }
    }
}
