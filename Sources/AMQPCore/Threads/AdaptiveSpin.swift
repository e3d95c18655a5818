import Glibc

/// Whether a thread that has nothing to do looks again and again for a moment before it sleeps.
///
/// Where the peer answers within microseconds, to sleep and to be woken costs more than to look, and takes longer.
/// Where it does not, to look is waste: each time in vain makes it rarer, down to one wait in 1,024, and it has to be
/// worth it two times in three to become more frequent again.
///
/// Why: record 8, look before sleep.
package struct AdaptiveSpin: Sendable {
    /// How long to look, in nanoseconds.
    private static let limit: UInt64 = 50_000
    private static let maxPenalty = 10

    private var penalty = 0
    private var waitsToSleep = 0

    package init() {}

    /// A wait begins: whether to look first.
    package mutating func isDue() -> Bool {
        if self.waitsToSleep == 0 { return true }
        self.waitsToSleep -= 1
        return false
    }

    /// It looked: whether what it waits for came in that time.
    package mutating func ended(inTime: Bool) {
        self.penalty = inTime ? max(self.penalty - 1, 0) : min(self.penalty + 2, Self.maxPenalty)
        self.waitsToSleep = (1 << self.penalty) - 1
    }

    /// Looks once at least, and lets others have the processor in between.
    ///
    /// - Parameters:
    ///   - deadline: When to stop at the latest, in nanoseconds of ``MonotonicClock``.
    ///   - look: What it finds; nil is nothing yet.
    /// - Returns: What it has found in its time.
    package static func spin<R>(until deadline: UInt64, _ look: () -> R?) -> R? {
        #if DEBUG
            if let world = CurrentWorld.world {
                if let found = look() { return found }
                world.pause()
                return look()
            }
        #endif
        let end = min(deadline, MonotonicClock.now() &+ Self.limit)
        while true {
            if let found = look() { return found }
            if MonotonicClock.now() >= end { return nil }
            sched_yield()
        }
    }
}
