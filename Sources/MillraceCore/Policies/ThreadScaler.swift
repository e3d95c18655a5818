import AMQPCore

/// How many threads a job should have, by its backlog: Little's law, and what can be seen of a queue by its consumers.
///
/// Threads that arrivals keep busy, and those that work the backlog off in the time it may take, over how busy threads
/// should be. Supervisors that share a queue share its backlog by their part of its consumers, without a word to each other.
///
/// A value; times are nanoseconds of the monotonic clock.
package struct ThreadScaler: Sendable {
    /// What can be seen at one moment.
    package struct Reading: Sendable {
        package var now: UInt64
        /// Threads there are.
        package var threads: Int
        /// Deliveries with an outcome since the start.
        package var settled: Int
        /// How long all threads together have been in handlers since the start, in nanoseconds.
        package var busy: UInt64
        /// Messages that are ready in the queue.
        package var backlog: Int
        /// The part of the queue's consumers that is ours: more than 0, at most 1.
        package var share: Double

        package init(now: UInt64, threads: Int, settled: Int, busy: UInt64, backlog: Int, share: Double) {
            self.now = now
            self.threads = threads
            self.settled = settled
            self.busy = busy
            self.backlog = backlog
            self.share = min(max(share, 0.001), 1)
        }
    }

    package struct Decision: Equatable, Sendable {
        /// Threads there should be.
        package var threads: Int
        /// Why there are not more, if they would not help; for people.
        package var reason: String?
        /// How many the backlog asks for, within the limits; there may be on the way.
        package var wanted: Int?
    }

    /// What a growth has to show for itself.
    private struct Growth {
        let time: UInt64
        let from: Int
        let to: Int
        let rate: Double
        let handlerTime: Double
    }

    /// Fewer outcomes say nothing about how long handlers take.
    package static let fewest = 20
    private static let window: UInt64 = 60_000_000_000
    /// Before a growth is judged, and another one follows that is more than a first guess.
    private static let trial: UInt64 = 10_000_000_000
    /// Before what did not help is tried again.
    private static let frozenTime: UInt64 = 300_000_000_000

    private var settings: ThreadScaling
    private var readings: [Reading] = []
    private var wants: [(time: UInt64, threads: Int)] = []
    private var growth: Growth?
    private var frozen: (since: UInt64, reason: String)?

    package init(_ settings: ThreadScaling) { self.settings = settings }

    /// Other limits, from now on.
    package mutating func change(_ settings: ThreadScaling) {
        if settings == self.settings { return }
        self = Self(settings)
    }

    /// Nothing can be seen at the moment, or nothing is to be decided: what was seen before says nothing about later.
    package mutating func pause() {
        self.readings = []
        self.wants = []
        self.growth = nil
    }

    /// Decides, with each reading of the queue.
    package mutating func decide(_ reading: Reading) -> Decision {
        self.readings.append(reading)
        self.readings.removeAll { $0.now &+ Self.window < reading.now }
        let want = self.want(reading)
        self.wants.append((reading.now, want))
        let horizon = self.settings.shrinkAfter.nanoseconds
        // One that is as old as that stays, however far apart readings are.
        while self.wants.count > 1, self.wants[1].time &+ horizon <= reading.now { self.wants.removeFirst() }
        self.judge(reading)
        let threads = self.step(reading, want)
        if threads > reading.threads {
            self.growth = self.rate.flatMap { rate in
                self.handlerTime.map {
                    Growth(time: reading.now, from: reading.threads, to: threads, rate: rate, handlerTime: $0)
                }
            }
            self.readings = [reading]
        }
        return Decision(
            threads: threads,
            reason: want > reading.threads ? self.frozen?.reason : nil,
            wanted: want
        )
    }

    private func step(_ reading: Reading, _ want: Int) -> Int {
        let now = min(max(reading.threads, self.settings.min), self.settings.max)
        guard now == reading.threads else { return now }
        // One growth has to show what it brought before the next.
        if want > now { return self.frozen == nil && self.growth == nil ? min(want, now * 2) : now }
        // Down one by one, to the most that was wanted for as long as that has to be so.
        guard let first = self.wants.first, reading.now &- first.time >= self.settings.shrinkAfter.nanoseconds,
            let most = self.wants.map(\.threads).max(), most < now
        else { return now }
        return now - 1
    }

    /// Threads by Little's law, within the limits.
    private func want(_ reading: Reading) -> Int {
        guard let rate, let handlerTime else {
            // Too few outcomes: more while all are busy and something waits, else those that are busy.
            guard let utilization else { return self.clamp(Double(reading.threads)) }
            if utilization > 0.9, reading.backlog > 0 { return self.clamp(Double(reading.threads * 2)) }
            let busy = utilization * Double(reading.threads) / self.settings.utilization
            return self.clamp(Self.up(busy))
        }
        let wait = Double(self.settings.targetWait.nanoseconds) / 1e9
        let arrivals = max(0, rate + reading.share * self.backlogGrowth)
        let busy = arrivals * handlerTime + reading.share * Double(reading.backlog) * handlerTime / wait
        return self.clamp(Self.whole(busy, over: self.settings.utilization, share: reading.share))
    }

    /// A whole number of threads for so much work.
    ///
    /// Each of several supervisors would have up to one too many if all of them rounded up; they round to the nearest, as long as
    /// that leaves no thread busy for more than nine tenths of its time.
    private static func whole(_ busy: Double, over utilization: Double, share: Double) -> Double {
        let threads = busy / utilization
        guard share < 0.99 else { return Self.up(threads) }
        return max(threads.rounded(), Self.up(busy / max(utilization, 0.9)))
    }

    /// To the next whole number; what is above one by the last bits of a sum is that one.
    private static func up(_ threads: Double) -> Double { (threads - 1e-6).rounded(.up) }

    private func clamp(_ threads: Double) -> Int {
        guard threads < Double(self.settings.max) else { return self.settings.max }
        return max(self.settings.min, Int(threads))
    }

    /// Whether the last growth has brought what it should.
    private mutating func judge(_ reading: Reading) {
        if let frozen, reading.backlog == 0 || reading.now &- frozen.since >= Self.frozenTime { self.frozen = nil }
        guard let growth, reading.now &- growth.time >= Self.trial else { return }
        self.growth = nil
        guard let rate, let handlerTime, growth.rate > 0, reading.backlog > 0 else { return }
        let expected = Double(growth.to - growth.from) / Double(growth.from) / 2
        guard rate < growth.rate * (1 + expected), handlerTime > growth.handlerTime * 1.2 else { return }
        let times = "\(Self.milliseconds(growth.handlerTime)) → \(Self.milliseconds(handlerTime)) ms"
        self.frozen = (
            reading.now, "more threads do not help: handler time \(times) at \(growth.from) → \(growth.to)"
        )
    }

    private static func milliseconds(_ seconds: Double) -> String {
        let value = seconds * 1000
        return value < 10 ? "\((value * 10).rounded() / 10)" : "\(Int(min(value, 1e9).rounded()))"
    }

    // MARK: What the readings say

    private var span: (first: Reading, last: Reading, seconds: Double)? {
        guard let first = self.readings.first, let last = self.readings.last, last.now > first.now else { return nil }
        return (first, last, Double(last.now - first.now) / 1e9)
    }

    /// Outcomes per second; nil if there were too few.
    private var rate: Double? {
        guard let (first, last, seconds) = self.span, last.settled - first.settled >= Self.fewest else { return nil }
        return Double(last.settled - first.settled) / seconds
    }

    /// Seconds in a handler for each outcome; nil if there were too few.
    private var handlerTime: Double? {
        guard let (first, last, _) = self.span, last.settled - first.settled >= Self.fewest else { return nil }
        return Double(last.busy &- first.busy) / 1e9 / Double(last.settled - first.settled)
    }

    /// How much of their time threads were in handlers.
    private var utilization: Double? {
        guard let (first, last, seconds) = self.span, last.threads > 0 else { return nil }
        return Double(last.busy &- first.busy) / 1e9 / seconds / Double(last.threads)
    }

    /// Messages per second.
    private var backlogGrowth: Double {
        guard let (first, last, seconds) = self.span else { return 0 }
        return Double(last.backlog - first.backlog) / seconds
    }
}
