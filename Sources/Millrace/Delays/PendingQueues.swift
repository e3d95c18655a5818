import AMQPClient

/// Delay queues that the broker was asked for, each on a channel of its own: one that it gives no answer about, because a
/// node is down, holds up no other.
struct PendingQueues {
    private struct Pending {
        let place: Returns.Place
        let channel: Channel
        let askedAt: UInt64
        let deadline: UInt64
    }
    private var pending: [Pending] = []

    /// How many of the latest may be without an answer; one that has waited for longer than a moment is not counted.
    private static let width = 4
    private static let moment: UInt64 = 200_000_000

    func mayAsk(now: UInt64) -> Bool { self.latest(now).count < Self.width }

    private func latest(_ now: UInt64) -> [Pending] { self.pending.filter { now < $0.askedAt &+ Self.moment } }

    /// When to look again though no answer comes.
    func wake(now: UInt64) -> UInt64? {
        let moments = self.latest(now).map { $0.askedAt &+ Self.moment }
        return (moments + self.pending.map(\.deadline)).min()
    }

    mutating func ask(
        for place: Returns.Place,
        _ queue: DelayQueue,
        on connection: Connection,
        waking mailbox: Mailbox
    ) throws(AMQPError) {
        let own = Mailbox(waking: mailbox, with: Returner.Signal.declared)
        let channel = try connection.openChannel(mailbox: own, outwaitsBlocks: false)
        try channel.startDeclareQueue(queue.name(place.stage), arguments: queue.arguments)
        let now = MonotonicClock.now()
        let deadline = now &+ channel.requestTimeout.nanoseconds
        self.pending.append(Pending(place: place, channel: channel, askedAt: now, deadline: deadline))
    }

    /// - Returns: Those that are there now, and those that are not to be had; their channels end.
    mutating func take(now: UInt64) -> [(place: Returns.Place, failure: AMQPError?)] {
        var answers: [(place: Returns.Place, failure: AMQPError?)] = []
        self.pending.removeAll { entry in
            entry.channel.pump(until: 0)
            if entry.channel.finishDeclareQueue() {
                answers.append((entry.place, nil))
            } else if let reason = entry.channel.endReason {
                answers.append((entry.place, reason))
            } else if now >= entry.deadline {
                answers.append((entry.place, AMQPError(.timeout, scope: .call, text: "the broker gives no answer")))
            } else {
                return false
            }
            return true
        }
        return answers
    }

    mutating func forgetAll() { self.pending = [] }
}
