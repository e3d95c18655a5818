import AMQPClient
import Logging
import Synchronization

/// A consumer that has no answer yet.
struct PendingConsumer {
    let place: Returns.Place
    let tag: String
    let deadline: UInt64
}

/// Consumers on the delay queues: asked for without waiting, so that a broker that gives no answer about one of them, because
/// its node is down, holds up no other.
extension ReturnerThread {
    func attend(_ connection: Connection, _ channel: Channel) throws(AMQPError) {
        try self.askForQueues(connection)
        for (place, failure) in self.pending.take(now: MonotonicClock.now()) {
            if let failure {
                self.failed(place, failure)
                if failure.scope == .connection { throw failure }
            } else {
                self.shared.known.wasDeclared(self.shared.queues[place.home].name(place.stage))
                self.declared.append(place)
            }
        }
        try self.finishConsumer(channel)
        try self.startConsumer(channel)
    }

    /// Whether there is something to ask for now.
    func hasToAttend(_ now: UInt64) -> Bool {
        (self.attendance.hasNext(now: now) && self.pending.mayAsk(now: now))
            || (self.consuming == nil && !self.declared.isEmpty)
    }

    /// When to look again though nothing comes.
    func attendWake(_ now: UInt64) -> UInt64? {
        let next = self.pending.mayAsk(now: now) ? self.attendance.wake : nil
        return [next, self.pending.wake(now: now), self.consuming?.deadline].compactMap(\.self).min()
    }

    private func askForQueues(_ connection: Connection) throws(AMQPError) {
        while self.pending.mayAsk(now: MonotonicClock.now()),
            let place = self.attendance.next(now: MonotonicClock.now())
        {
            do throws(AMQPError) {
                let queue = self.shared.queues[place.home]
                try self.pending.ask(for: place, queue, on: connection, waking: self.shared.mailbox)
            } catch {
                self.failed(place, error)
                if error.scope == .connection { throw error }
            }
        }
    }

    private func startConsumer(_ channel: Channel) throws(AMQPError) {
        guard self.consuming == nil, !self.declared.isEmpty else { return }
        let place = self.declared.removeFirst()
        self.consumersStarted += 1
        let tag = "returns-\(place.home)-\(place.stage).\(self.consumersStarted)"
        let deadline = MonotonicClock.now() &+ channel.requestTimeout.nanoseconds
        self.consuming = PendingConsumer(place: place, tag: tag, deadline: deadline)
        try channel.startConsume(self.shared.queues[place.home].name(place.stage), tag: tag)
    }

    private func finishConsumer(_ channel: Channel) throws(AMQPError) {
        guard let consuming else { return }
        if channel.finishConsume(consuming.tag) {
            self.consuming = nil
            self.attendance.attended(consuming.place, by: consuming.tag)
            self.shared.attended.store(self.attendance.count, ordering: .releasing)
        } else if !channel.isOpen || MonotonicClock.now() >= consuming.deadline {
            let reason =
                channel.endReason
                ?? AMQPError(.timeout, scope: .channel(channel.number), text: "the broker gives no answer")
            self.consuming = nil
            self.failed(consuming.place, reason)
            throw reason
        }
    }

    private func failed(_ place: Returns.Place, _ error: AMQPError) {
        let isEnd = error.scope == .connection
        guard self.attendance.failed(place, now: MonotonicClock.now(), isSaidElsewhere: isEnd) else { return }
        self.logger.error(
            "a queue for waiting messages can not be had; what fails goes back to its queue without a wait",
            metadata: ["queue": "\(self.shared.queues[place.home].name(place.stage))", "reason": "\(error)"]
        )
    }

    /// Their channel has ended.
    func forgetConsumers() {
        self.attendance.endedAll()
        self.pending.forgetAll()
        self.declared = []
        self.consuming = nil
    }
}
