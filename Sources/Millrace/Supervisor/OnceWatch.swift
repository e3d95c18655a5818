import AMQPClient
import AMQPWire
import Synchronization

/// Decides for `--once` whether everything is worked off: every queue is empty, nothing is in hand or waits, and nothing
/// was received between three looks in a row, so that a delivery on its way is not overlooked.
///
/// Others' messages in hand can not be seen, their consumers can: while there are any, it waits on for a while.
struct OnceWatch {
    enum Finding: Equatable {
        case goesOn
        /// Every job that has not failed has nothing left.
        case workedOff
        /// The same for all that can be seen, for a while: others may have something in hand.
        case othersRemain
    }

    /// How long others are waited for while nothing comes: nanoseconds.
    private static let patience: UInt64 = 5_000_000_000

    private var lastReceived = -1
    private var quietLooks = 0
    /// Since when nothing but others' consumers is there.
    private var aloneSince: UInt64?
    private var channel: Channel?

    /// One look.
    mutating func look(_ supervisor: Supervisor, _ connection: Connection) throws(AMQPError) -> Finding {
        switch try self.isQuiet(supervisor, connection) {
        case .goesOn:
            self.quietLooks = 0
            self.aloneSince = nil
            return .goesOn
        case .workedOff:
            self.aloneSince = nil
            self.quietLooks += 1
            return self.quietLooks >= 3 ? .workedOff : .goesOn
        case .othersRemain:
            self.quietLooks = 0
            let now = MonotonicClock.now()
            let since = self.aloneSince ?? now
            self.aloneSince = since
            return now &- since >= Self.patience ? .othersRemain : .goesOn
        }
    }

    private mutating func isQuiet(_ supervisor: Supervisor, _ connection: Connection) throws(AMQPError) -> Finding {
        let pools = supervisor.pools
        func received() -> Int { pools.reduce(0) { $0 + $1.counters.counts.received } }
        let before = (received: received(), returned: supervisor.returner.returned.load(ordering: .acquiring))
        guard pools.allSatisfy({ $0.inHand == 0 }), before.received == self.lastReceived else {
            self.lastReceived = before.received
            return .goesOn
        }
        // Nothing would be answered, and the supervisor has other things to watch.
        guard !connection.isBlocked, supervisor.returner.inHand.load(ordering: .acquiring) == 0 else { return .goesOn }
        let failed = supervisor.failures.withLock { $0 }
        var others = 0
        for pool in pools where failed[pool.job.name] == nil {
            guard case .running = pool.state else { return .goesOn }
            for queue in pool.job.queues {
                let rest = try supervisor.rest(of: queue) { () throws(AMQPError) in
                    try self.openChannel(supervisor, connection)
                }
                guard rest.isEmpty else { return .goesOn }
                others += rest.otherConsumers
            }
        }
        // What the broker sent before it answered is in the mailboxes by now; a worker that is awake has taken it out.
        let isQuiet = pools.allSatisfy { pool in
            if failed[pool.job.name] != nil { return true }
            return pool.inHand == 0 && pool.handles.allSatisfy(\.mailbox.isIdle)
        }
        guard isQuiet, supervisor.returner.isIdle, received() == before.received,
            supervisor.returner.returned.load(ordering: .acquiring) == before.returned
        else { return .goesOn }
        return others == 0 ? .workedOff : .othersRemain
    }

    private mutating func openChannel(_ supervisor: Supervisor, _ connection: Connection) throws(AMQPError) -> Channel {
        if let open = self.channel, open.isOpen { return open }
        let channel = try connection.openChannel(
            mailbox: supervisor.inbox.looks,
            outwaitsBlocks: false,
            interrupts: SupervisorInbox.stopSignal
        )
        self.channel = channel
        return channel
    }
}
