import AMQPClient
import Synchronization

/// What a supervisor waits for, for who waits until nothing moves in it.
package struct Stillness: Sendable {
    /// Copies that are held until their time.
    package let copies: Int
    /// When the next of them goes on, in nanoseconds of the job clock; 0 while one is on its way, the largest number for never.
    package let copiesWake: UInt64
    /// When the next schedule ticks; 0 while one is at it.
    package let ticksWake: UInt64
    /// When the first job that is held takes messages again.
    package let holdsWake: UInt64
    /// Deliveries that handlers of jobs without acks have had, or have, by the first queue of their jobs.
    package let unackedReceived: [String: Int]
    /// Of those, how many came on the channels that there are now.
    package let unackedReceivedOnThose: [String: Int]
    /// Of those, how many are in hand.
    package let unackedInHand: Int
}

extension Supervisor {
    /// From any thread.
    package var stillness: Stillness {
        let returner = self.returner
        // In this order: whoever brings copies back says first when, and then how many.
        let copies = returner.inHand.load(ordering: .acquiring)
        var holds = UInt64.max
        var (received, onThose) = ([String: Int](), [String: Int]())
        var inHand = 0
        for pool in self.pools {
            if let wake = pool.hold.wake { holds = min(holds, wake) }
            guard pool.job.ack.mode == .none else { continue }
            for handle in pool.handles {
                let before = handle.receivedBefore.load(ordering: .acquiring)
                onThose[pool.job.queue, default: 0] += handle.received.value - before
            }
            received[pool.job.queue, default: 0] += pool.counters.counts.received
            inHand += pool.inHand
        }
        return Stillness(
            copies: copies,
            copiesWake: returner.wake.load(ordering: .acquiring),
            ticksWake: self.scheduler.wake.load(ordering: .acquiring),
            holdsWake: holds,
            unackedReceived: received,
            unackedReceivedOnThose: onThose,
            unackedInHand: inHand
        )
    }

    /// Has the threads woken that wait for a time, when a test jumps ahead.
    func followJumps() {
        self.options.hooks.clock.onJump { [weak self] in
            guard let self else { return }
            self.returner.mailbox.signal(Returner.Signal.time)
            self.scheduler.mailbox.signal(Scheduler.Signal.time)
            self.inbox.workersChanged()
        }
    }
}
