/// Slows a worker down that would try the same again and again in a hot loop: 10 ms after the first failure in a row,
/// doubling up to a second.
///
/// Two kinds, each with its own row: a failing message that goes back to its queue, and a copy that the broker does not
/// take. A message that goes well says nothing about copies. A value; times are nanoseconds of the monotonic clock.
package struct FailurePause: Sendable, Equatable {
    package static let shortest: UInt64 = 10_000_000
    package static let longest: UInt64 = 1_000_000_000
    /// After so long without a failure the next one is the first of a row again.
    package static let memory: UInt64 = 60_000_000_000

    private struct Row: Sendable, Equatable {
        var failures: UInt64 = 0
        var until: UInt64 = 0

        mutating func failed(now: UInt64) -> UInt64 {
            // What fails while it pauses was begun before.
            if now < self.until { return self.until }
            if now &- self.until > FailurePause.memory { self.failures = 0 }
            self.until = now &+ min(FailurePause.shortest << min(self.failures, 10), FailurePause.longest)
            self.failures += 1
            return self.until
        }
    }
    private var requeues = Row()
    private var copies = Row()

    package init() {}

    /// A message was done with.
    @inline(__always)
    package mutating func succeeded() {
        if self.requeues.failures > 0 { self.requeues = Row() }
    }

    /// A message that failed went back to its queue; gives until when nothing begins.
    package mutating func requeued(now: UInt64) -> UInt64 { self.requeues.failed(now: now) }

    /// The broker has a copy: only this says that copies are taken, not that one was sent.
    package mutating func copyConfirmed() {
        if self.copies.failures > 0 { self.copies = Row() }
    }

    /// A copy was refused, came back, or could not be sent; gives until when nothing begins.
    package mutating func copyRefused(now: UInt64) -> UInt64 { self.copies.failed(now: now) }
}
