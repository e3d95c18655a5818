import AMQPCore

/// Finds the workers that have a connection and do not come to consume: "reconnected, but nothing consumes".
///
/// A value: what is seen comes in, with the time.
package struct ConsumerWatch<Worker: Hashable & Sendable>: Sendable {
    private let limit: UInt64
    /// Since when each worker is without a consumer, or when it was told to restart last.
    private var since: [Worker: UInt64] = [:]
    /// Workers that were without a consumer for longer than the limit and still are.
    package private(set) var overdue: Set<Worker> = []

    package init(limit: Duration) { self.limit = limit.nanoseconds }

    /// One look.
    ///
    /// - Parameters:
    ///   - now: Nanoseconds.
    ///   - isConnected: Without a connection nobody can consume, and the waiting starts anew with the next one.
    ///   - idle: The workers that should consume and do not.
    /// - Returns: Those whose channel is to be restarted now, in the order of `idle`; the same one again each time the
    ///   limit has passed.
    package mutating func look(now: UInt64, isConnected: Bool, idle: [Worker]) -> [Worker] {
        guard isConnected else {
            self.since = [:]
            self.overdue = []
            return []
        }
        let known = self.since
        self.since = [:]
        self.overdue.formIntersection(idle)
        var restarts: [Worker] = []
        for worker in idle {
            let start = known[worker] ?? now
            if now &- start >= self.limit {
                restarts.append(worker)
                self.overdue.insert(worker)
                self.since[worker] = now
            } else {
                self.since[worker] = start
            }
        }
        return restarts
    }
}
