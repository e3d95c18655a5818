import AMQPClient
import AMQPWire
import Synchronization

/// Decides for `--once` whether everything is worked off: every queue is empty, nothing is in hand or waits, and nothing
/// was received between three looks in a row, so that a delivery on its way is not overlooked.
struct OnceWatch {
    private var lastReceived = -1
    private var quietLooks = 0
    private var channel: Channel?

    /// One look, if the last ones did not say so already.
    mutating func isDone(_ supervisor: Supervisor, _ connection: Connection) throws(AMQPError) -> Bool {
        guard try self.isQuiet(supervisor, connection) else {
            self.quietLooks = 0
            return false
        }
        self.quietLooks += 1
        return self.quietLooks >= 3
    }

    private mutating func isQuiet(_ supervisor: Supervisor, _ connection: Connection) throws(AMQPError) -> Bool {
        let pools = supervisor.pools
        func received() -> Int { pools.reduce(0) { $0 + $1.counters.counts.received } }
        let before = (received: received(), returned: supervisor.returner.returned.load(ordering: .acquiring))
        guard pools.allSatisfy({ $0.inHand == 0 }), before.received == self.lastReceived else {
            self.lastReceived = before.received
            return false
        }
        // Nothing would be answered, and the supervisor has other things to watch.
        guard !connection.isBlocked, supervisor.returner.inHand.load(ordering: .acquiring) == 0 else { return false }
        let channel = try self.openChannel(connection)
        let failed = supervisor.failures.withLock { $0 }
        for pool in pools where failed[pool.job.name] == nil {
            guard case .running = pool.state else { return false }
            guard try channel.declareQueue(pool.job.queue, passive: true).messageCount == 0,
                try self.nothingWaits(for: pool.job.queue, supervisor, channel)
            else { return false }
        }
        // What the broker sent before it answered is in the mailboxes by now; a worker that is awake has taken it out.
        let isQuiet = pools.allSatisfy { pool in
            if failed[pool.job.name] != nil { return true }
            return pool.inHand == 0 && pool.handles.allSatisfy(\.mailbox.isIdle)
        }
        return isQuiet && supervisor.returner.isIdle && received() == before.received
            && supervisor.returner.returned.load(ordering: .acquiring) == before.returned
    }

    private mutating func openChannel(_ connection: Connection) throws(AMQPError) -> Channel {
        if let open = self.channel, open.isOpen { return open }
        let channel = try connection.openChannel(mailbox: Mailbox(), outwaitsBlocks: false)
        self.channel = channel
        return channel
    }

    /// Whether no message waits for its next attempt.
    private func nothingWaits(
        for queue: String,
        _ supervisor: Supervisor,
        _ channel: Channel
    ) throws(AMQPError) -> Bool {
        let delays = supervisor.topology.delays(of: queue, supervisor.options.delays.ladder)
        for name in delays.names where try channel.declareQueue(name, passive: true).messageCount > 0 { return false }
        return true
    }
}
