import AMQPClient
import AMQPWire

/// Decides for `--once` whether everything is worked off: every queue is empty, nothing is in hand, and nothing was
/// received between three looks in a row, so that a delivery on its way is not overlooked.
struct OnceWatch {
    private var lastReceived = -1
    private var quietLooks = 0
    private var channel: Channel?

    /// Whether no message waits for its next attempt.
    private func haveComeBack(_ queues: ParkingQueues, _ channel: Channel) throws(AMQPError) -> Bool {
        for name in queues.delays {
            do throws(AMQPError) {
                if try channel.declareQueue(name, passive: true).messageCount > 0 { return false }
            } catch  where error.code == AMQPError.Code(.notFound) {
                queues.forget(name)  // it has expired, empty
                return false  // the next look is on a new channel
            }
        }
        return true
    }

    mutating func isDone(_ supervisor: Supervisor, _ connection: Connection) throws(AMQPError) -> Bool {
        let received = supervisor.pools.reduce(0) { $0 + $1.counters.counts.received }
        let inHand = supervisor.pools.reduce(0) { $0 + $1.inHand }
        guard inHand == 0, received == self.lastReceived else {
            self.lastReceived = received
            self.quietLooks = 0
            return false
        }
        // Nothing would be answered, and the supervisor has other things to watch.
        guard !connection.isBlocked else {
            self.quietLooks = 0
            return false
        }
        let failed = supervisor.failures.withLock { $0 }
        let channel: Channel
        if let open = self.channel, open.isOpen {
            channel = open
        } else {
            channel = try connection.openChannel(mailbox: Mailbox(), outwaitsBlocks: false)
            self.channel = channel
        }
        for pool in supervisor.pools where failed[pool.job.name] == nil {
            guard case .running = pool.state else {
                self.quietLooks = 0
                return false
            }
            let queue = try channel.declareQueue(pool.job.queue, passive: true)
            guard queue.messageCount == 0, try self.haveComeBack(pool.parkingQueues, channel) else {
                self.quietLooks = 0
                return false
            }
        }
        // What the broker sent before it answered is in the mailboxes by now; a worker that is awake has taken it out.
        let isQuiet = supervisor.pools.allSatisfy { pool in
            if failed[pool.job.name] != nil { return true }
            return pool.inHand == 0 && pool.handles.allSatisfy(\.mailbox.isIdle)
        }
        guard isQuiet, received == supervisor.pools.reduce(0, { $0 + $1.counters.counts.received }) else {
            self.quietLooks = 0
            return false
        }
        self.quietLooks += 1
        return self.quietLooks >= 3
    }
}
