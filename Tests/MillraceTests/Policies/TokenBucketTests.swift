import Millrace
import Testing

/// The rate limit, with time passed in.
@Suite struct TokenBucketTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func `all at once, then one by one as they come back`() {
        var bucket = TokenBucket(allowed: 10, interval: Self.second)
        let start = 5 * Self.second
        for _ in 0..<10 { #expect(bucket.take(now: start) == 0) }
        #expect(bucket.take(now: start) == Self.second / 10)
        #expect(bucket.take(now: start + Self.second / 10) == 0)
        #expect(bucket.take(now: start + Self.second / 10) > 0)
    }

    @Test func `what is not used does not pile up`() {
        var bucket = TokenBucket(allowed: 3, interval: Self.second)
        for _ in 0..<3 { #expect(bucket.take(now: 0) == 0) }
        let later = 1000 * Self.second
        for _ in 0..<3 { #expect(bucket.take(now: later) == 0) }
        #expect(bucket.take(now: later) > 0)
    }

    @Test func `whoever waits as told gets one, and never more than allowed in any interval`() {
        var bucket = TokenBucket(allowed: 7, interval: Self.second)
        var now: UInt64 = Self.second
        var taken: [UInt64] = []
        for _ in 0..<5000 where taken.count < 500 {
            let wait = bucket.take(now: now)
            if wait == 0 { taken.append(now) } else { now += wait }
        }
        // A full bucket and what comes back meanwhile: at most twice the number in any one interval, once after it.
        for (index, time) in taken.enumerated().dropFirst(7) {
            #expect(taken[index...].prefix { $0 < time + Self.second }.count <= 8)
        }
        #expect(taken.last.map { $0 - taken[0] } ?? 0 >= 70 * Self.second)
    }
}
