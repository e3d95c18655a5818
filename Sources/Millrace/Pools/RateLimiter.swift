import AMQPClient

/// A job's rate limit, shared by its workers.
final class RateLimiter: Sendable {
    private let bucket: Monitor<TokenBucket>

    init(_ limit: RateLimit) {
        self.bucket = Monitor(TokenBucket(allowed: limit.allowed, interval: limit.interval.nanoseconds))
    }

    /// 0 if one more delivery may be begun now; else how many nanoseconds to wait before asking again.
    func take(now: UInt64) -> UInt64 { self.bucket.withLock { $0.take(now: now) } }
}
