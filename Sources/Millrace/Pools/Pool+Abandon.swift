import AMQPClient
import Logging

/// Workers that are given up at `kill_timeout`, and who takes their place.
extension Pool {
    /// Threads that hang at once before the job has failed.
    var abandonLimit: Int { JobDefinition.abandonLimit(threads: self.target) }

    /// Gives up the workers with a handler that began `kill_timeout` ago; gives why the job can not go on, if so.
    ///
    /// In a drain nobody takes their place.
    ///
    /// - Parameters:
    ///   - now: The time, in nanoseconds of the monotonic clock.
    ///   - deadline: How long the broker may take for the acks of all of them.
    ///   - stopped: When the process stood still.
    /// - Returns: nil if it goes on.
    func abandonOverdue(now: UInt64, until deadline: UInt64, _ stopped: StoppedTime) -> String? {
        guard let timeout = self.job.killTimeout, now > timeout.nanoseconds else { return nil }
        self.forgetEndedAbandoned()
        for handle in self.handles {
            guard let killSwitch = handle.killSwitch, handle.state != .ended else { continue }
            let hands = killSwitch.hands(begunBefore: now - timeout.nanoseconds).filter {
                stopped.ran(since: $0.beganAt, now: now) > timeout.nanoseconds
            }
            guard let oldest = hands.first else { continue }
            let wasDraining = handle.isDraining
            let mayReplace = self.abandoned.count < self.abandonLimit && !wasDraining
            self.abandon(handle, hands, deadline, mayReplace: mayReplace)
            handle.logger.error(
                "a handler ran longer than kill_timeout; its channel is closed and the message given out again",
                metadata: [
                    "queue": "\(self.job.queueNames)", "kill_timeout": "\(DurationText.write(timeout))",
                    "running_ms": .number((now &- oldest.beganAt) / 1_000_000),
                    "deliveries": "\(hands.map(\.record.deliveryTag))",
                    "abandoned_threads": "\(self.abandoned.count) of \(self.abandonLimit)",
                    "replaced": .flag(mayReplace),
                ]
            )
            if self.abandoned.count > self.abandonLimit {
                return "\(self.abandoned.count) threads hang in handlers that ran longer than kill_timeout"
            }
            if mayReplace { self.follow(now: now) }
        }
        return nil
    }

    private func abandon(
        _ handle: WorkerHandle,
        _ hands: [KillSwitch.Hand],
        _ deadline: UInt64,
        mayReplace: Bool
    ) {
        var counts = JobCounts()
        counts.abandoned = hands.count
        self.counters.add(counts)
        // What the broker took back before, and another worker got, is counted.
        handle.killSwitch?.throwSwitch(
            handle.notCounted(hands),
            "a handler ran longer than kill_timeout",
            until: deadline
        )
        handle.signal(WorkerHandle.Signal.drain | WorkerHandle.Signal.cancel)
        self.take(out: handle, isReplaced: mayReplace)
    }
}
