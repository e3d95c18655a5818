import AMQPClient
import Synchronization

/// The time by which messages wait, jobs are held and schedules tick: that of the machine, on which a test may jump ahead.
///
/// Whatever has to do with a socket, an answer or a thread goes by the machine's clock alone, so that a jump ends no wait for those.
package final class JobClock: Sendable {
    /// The machine's, which nobody moves.
    package static let system = JobClock(looked: nil)

    private let ahead = Atomic<UInt64>(0)
    private let looked: (@Sendable () -> Void)?
    private let wakers = Monitor<[@Sendable () -> Void]>([])

    private init(looked: (@Sendable () -> Void)?) { self.looked = looked }

    /// A clock that may jump.
    ///
    /// - Parameter looked: Told when somebody who waits for a time has looked at it, and when what is waited for has changed.
    package convenience init(movable looked: @escaping @Sendable () -> Void) { self.init(looked: looked) }

    /// Nanoseconds, as those of the monotonic clock.
    package var now: UInt64 { MonotonicClock.now() &+ self.ahead.load(ordering: .acquiring) }
    /// Milliseconds since 1970.
    package var milliseconds: Int64 {
        WallClock.milliseconds() &+ Int64(clamping: self.ahead.load(ordering: .acquiring) / 1_000_000)
    }

    /// Until when a thread may sleep that has something to do at this time.
    package func machineTime(_ time: UInt64) -> UInt64 {
        let ahead = self.ahead.load(ordering: .acquiring)
        return time == .max ? .max : time > ahead ? time &- ahead : 0
    }

    /// Whoever waits for this clock has looked at it.
    func wasLookedAt() { self.looked?() }

    /// Has somebody woken after each jump; of the machine's clock nobody is.
    func onJump(_ wake: @escaping @Sendable () -> Void) {
        guard self.looked != nil else { return }
        self.wakers.withLock { $0.append(wake) }
    }

    /// From now on it is later by so much.
    package func jump(milliseconds: UInt64) {
        guard self.looked != nil else { return }
        self.ahead.add(milliseconds &* 1_000_000, ordering: .acquiringAndReleasing)
        for wake in self.wakers.withLock({ $0 }) { wake() }
    }
}
