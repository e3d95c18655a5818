import TestSupport
import Testing

@testable import Millrace

/// Buckets against the durations themselves, sorted.
@Suite struct TimeHistogramTests {
    /// From nanoseconds to days, as many of each size.
    private static func duration(_ seed: inout Seed) -> UInt64 {
        let bits = UInt64.random(in: 0..<50, using: &seed)
        return UInt64.random(in: 0...(1 << bits), using: &seed)
    }

    /// How far from a duration its bucket's middle may be.
    private static func error(_ exact: UInt64) -> UInt64 { max(32, exact / 64 + 1) }

    @Test func `a quantile is off by 1,6 percent at most, or by 32 ns`() {
        var seed = Seed()
        for _ in 0..<50 {
            let durations = (0..<Int.random(in: 1...2000, using: &seed)).map { _ in Self.duration(&seed) }
            var histogram = TimeHistogram()
            for duration in durations { histogram.record(duration) }
            let sorted = durations.sorted()
            for part in [0.0, 0.01, 0.5, 0.95, 0.99, 1.0] {
                let exact = sorted[max(1, Int((part * Double(sorted.count)).rounded(.up))) - 1]
                let found = histogram.quantile(part) ?? 0
                let distance = found > exact ? found - exact : exact - found
                #expect(distance <= Self.error(exact), "\(part): \(found) for \(exact), \(seed.replay)")
            }
            #expect(histogram.total == UInt64(durations.count))
            #expect(histogram.sum == durations.reduce(0, +), "\(seed.replay)")
        }
    }

    @Test func `the error is as large as it is said to be, and no smaller`() {
        // The lower ends of buckets are the farthest from their middles.
        var histogram = TimeHistogram()
        histogram.record(1 << 30)
        #expect(histogram.quantile(0.5) == 1 << 30 + 1 << 24)
    }

    @Test func `added up, two are as one that has had it all, and what came since is the other`() {
        var seed = Seed()
        var (first, second, both) = (TimeHistogram(), TimeHistogram(), TimeHistogram())
        for index in 0..<5000 {
            let (duration, weight) = (Self.duration(&seed), UInt64.random(in: 1...16, using: &seed))
            if index.isMultiple(of: 3) {
                first.record(duration, weight: weight)
            } else {
                second.record(duration, weight: weight)
            }
            both.record(duration, weight: weight)
        }
        var sum = first
        sum += second
        #expect(sum == both, "\(seed.replay)")
        #expect(both.since(first) == second, "\(seed.replay)")
        #expect(both.filled.reduce(0) { $0 + $1.count } == both.total)
    }

    @Test func `what counts for sixteen counts as sixteen of them`() {
        var (one, many) = (TimeHistogram(), TimeHistogram())
        one.record(5000, weight: 16)
        for _ in 0..<16 { many.record(5000) }
        #expect(one == many)
    }

    @Test func `below a bound are those that are shorter, but for what is nearer to it than its bucket is wide`() {
        var seed = Seed()
        let bounds: [UInt64] = [0, 10_000, 250_000, 1_000_000, 100_000_000, 60_000_000_000, .max]
        for _ in 0..<20 {
            let durations = (0..<1000).map { _ in Self.duration(&seed) }
            var histogram = TimeHistogram()
            for duration in durations { histogram.record(duration) }
            for (bound, count) in zip(bounds, histogram.counts(upTo: bounds)) {
                let slack = Self.error(bound)
                let least = durations.count { bound > slack && $0 < bound - slack }
                let most = durations.count { $0 <= bound.addingReportingOverflow(slack).partialValue || bound == .max }
                #expect((least...most).contains(Int(count)), "\(bound): \(count), \(seed.replay)")
            }
        }
    }

    @Test func `what is longer than it can tell apart is as long as the longest, and memory stays what it is`() {
        var histogram = TimeHistogram()
        histogram.record(.max)
        histogram.record(TimeHistogram.longest)
        #expect(histogram.filled.count == 1)
        #expect(histogram.quantile(1).map { $0 > TimeHistogram.longest / 64 * 63 } == true)
        #expect(TimeHistogram.bucketCount == 1280)
    }

    @Test func `without durations there is no quantile`() {
        #expect(TimeHistogram().quantile(0.5) == nil)
        #expect(JobTimes().handler.recent == nil)
    }

    @Test func `of late is the last half minute to minute`() {
        var times = JobTimes()
        func add(_ milliseconds: UInt64) {
            times.add(TimeSample(kind: .handler, nanoseconds: milliseconds * 1_000_000, weight: 1))
        }
        var now: UInt64 = 1
        times.follow(now: now)
        add(1000)
        #expect(times.handler.recent != nil, "at once")
        now += 30_000_000_000
        times.follow(now: now)
        add(1)
        #expect(times.handler.recent.map { $0.p99 > .milliseconds(900) } == true, "one turn ago")
        now += 30_000_000_000
        times.follow(now: now)
        #expect(times.handler.recent.map { $0.p99 < .milliseconds(2) } == true, "the first is forgotten")
        now += 30_000_000_000
        times.follow(now: now)
        #expect(times.handler.recent == nil)
        #expect(times.handler.all.total == 2, "since the start nothing is")
        #expect(times.wait.all.total == 0)
    }
}
