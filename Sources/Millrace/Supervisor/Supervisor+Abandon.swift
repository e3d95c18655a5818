import AMQPClient
import Logging
import Synchronization

extension Supervisor {
    /// Gives up workers whose handler has passed its job's `kill_timeout`; a job with too many of them has failed.
    func abandonOverdue(now: UInt64, until wake: UInt64?, _ stopped: StoppedTime) {
        // Of all together: the supervisor has other things to watch, and a silent broker answers none of them.
        let deadline = min(now &+ 1_000_000_000, max(now, wake.map { $0 &+ stopped.total } ?? .max))
        for pool in self.pools where pool.job.killTimeout != nil {
            guard let reason = pool.abandonOverdue(now: now, until: deadline, stopped) else { continue }
            self.fail(pool.job.name, reason)
            pool.signal(WorkerHandle.Signal.drain)
        }
    }

    /// Whether a thread that was given up still runs.
    var hasAbandoned: Bool {
        self.pools.contains { pool in
            pool.forgetEndedAbandoned()
            return !pool.abandoned.isEmpty
        }
    }

    /// Names each delivery whose handler is left at the end, and each thread that is in other code of a plugin.
    func nameAbandoned() {
        for pool in self.pools {
            for handle in pool.handles where handle.state != .ended {
                if let place = Self.placeOutsideMessages(handle.state) {
                    handle.logger.error("a handler's \(place) did not return; its thread is left")
                    continue
                }
                let began = handle.beganAt.load(ordering: .relaxed)
                guard began > 0 else {
                    handle.logger.error(
                        "a worker did not end: the broker does not answer; what it holds comes again",
                        metadata: [
                            "queue": "\(pool.job.queueNames)",
                            "deliveries": .number(handle.inHand.load(ordering: .acquiring)),
                        ]
                    )
                    continue
                }
                let seconds = (MonotonicClock.now() &- began) / 1_000_000_000
                let hands =
                    handle.killSwitch?.hands(begunBefore: .max).map(\.record.deliveryTag) ?? handle.hands.together
                handle.logger.error(
                    "a handler did not end; its delivery goes back to the queue with the connection",
                    metadata: [
                        "running_s": .number(seconds), "queue": "\(pool.job.queueNames)",
                        // A thread that is free has named all of them when it asked them to end.
                        "deliveries": "\(hands.isEmpty ? [handle.oldest.tag] : hands)",
                        // Those behind it too, which no handler has begun.
                        "held": .number(handle.inHand.load(ordering: .acquiring)),
                    ]
                )
            }
        }
    }

    private static func placeOutsideMessages(_ state: WorkerState) -> String? {
        switch state {
        case .making: "init"
        case .dropping: "deinit"
        case .waiting, .opening, .consuming, .restarting, .failed, .ended: nil
        }
    }
}
