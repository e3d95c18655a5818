/// How long a job's handlers take, and how long its messages wait for them: since the start, and of late.
///
/// A value; times are nanoseconds, those of calls the monotonic clock's.
package struct JobTimes: Sendable {
    /// One of the two.
    package struct Record: Sendable {
        /// Since the start.
        package private(set) var all = TimeHistogram()
        /// As it was at the last turns: two, so that what is of late is between one and two turns long.
        private var before = TimeHistogram()
        private var earlier = TimeHistogram()

        package init() {}

        package mutating func record(_ nanoseconds: UInt64, weight: UInt64 = 1) {
            self.all.record(nanoseconds, weight: weight)
        }

        mutating func turn() {
            self.earlier = self.before
            self.before = self.all
        }

        /// Of the last half minute to minute; nil if nothing came.
        package var recent: Quantiles? { Quantiles(self.all.since(self.earlier)) }
    }

    /// What people look at.
    package struct Quantiles: Equatable, Sendable {
        package let p50: Duration
        package let p95: Duration
        package let p99: Duration

        package init(p50: Duration, p95: Duration, p99: Duration) {
            self.p50 = p50
            self.p95 = p95
            self.p99 = p99
        }

        init?(_ histogram: TimeHistogram) {
            guard let p50 = histogram.quantile(0.5), let p95 = histogram.quantile(0.95),
                let p99 = histogram.quantile(0.99)
            else { return nil }
            self.init(
                p50: .nanoseconds(Int64(p50)),
                p95: .nanoseconds(Int64(p95)),
                p99: .nanoseconds(Int64(p99))
            )
        }
    }

    private static let turnTime: UInt64 = 30_000_000_000

    package private(set) var handler = Record()
    package private(set) var wait = Record()
    private var nextTurn: UInt64 = 0

    package init() {}

    mutating func add(_ sample: TimeSample) {
        switch sample.kind {
        case .handler: self.handler.record(sample.nanoseconds, weight: sample.weight)
        case .wait: self.wait.record(sample.nanoseconds, weight: sample.weight)
        }
    }

    /// To be called at least every few seconds: what is of late goes on.
    mutating func follow(now: UInt64) {
        guard now >= self.nextTurn else { return }
        self.nextTurn = now &+ Self.turnTime
        self.handler.turn()
        self.wait.turn()
    }
}
