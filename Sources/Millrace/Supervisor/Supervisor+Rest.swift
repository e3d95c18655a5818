import AMQPClient
import AMQPWire
import Logging
import Synchronization

extension Supervisor {
    /// What is in a job's queue and its delay queues now.
    func rest(of queue: String, on channel: () throws(AMQPError) -> Channel) throws(AMQPError) -> QueueRest {
        var rest = QueueRest(queue: queue)
        let pools = self.pools.filter { $0.job.queues.contains(queue) }
        let own = pools.flatMap(\.handles).count { $0.consumes(queue) }
        do throws(AMQPError) {
            let status = try channel().declareQueue(queue, passive: true)
            rest.add(ready: status.messageCount, isDelay: false, consumers: status.consumerCount, own: own)
        } catch {
            // One of several that is not there holds nothing, and the others can be worked off.
            let isOneOfSeveral = pools.contains { !$0.job.furtherQueues.isEmpty }
            guard isOneOfSeveral, error.code == AMQPError.Code(.notFound), error.scope != .connection else {
                throw error
            }
        }
        rest.inHand = pools.reduce(0) { $0 + $1.inHand }
        let attends = self.returner.attendsAll && !self.returner.isDone
        for name in self.topology.delays(of: queue, self.options.delays.ladder).names {
            do throws(AMQPError) {
                let status = try channel().declareQueue(name, passive: true)
                rest.add(
                    ready: status.messageCount,
                    isDelay: true,
                    consumers: status.consumerCount,
                    own: attends ? 1 : 0
                )
            } catch {
                // Made when it is needed first: one that is not there holds nothing.
                guard error.code == AMQPError.Code(.notFound), error.scope != .connection else { throw error }
            }
        }
        return rest
    }

    /// Says what is left of each job's queue at the end of `--once`.
    ///
    /// - Parameters:
    ///   - connection: Still open; nil if there is none.
    ///   - deadline: How long the broker may take for all of them.
    /// - Returns: Whether nothing can be left.
    func sayWhatIsLeft(_ connection: Connection?, until deadline: UInt64) -> Bool {
        var known: Set<String> = []
        var isAllDone = true
        for queue in self.pools.flatMap(\.job.queues) where known.insert(queue).inserted {
            let rest = self.lastRest(of: queue, connection, until: deadline)
            guard !rest.isSurelyEmpty else { continue }
            isAllDone = false
            self.say(rest)
        }
        return isAllDone
    }

    private func lastRest(of queue: String, _ connection: Connection?, until end: UInt64) -> QueueRest {
        do throws(AMQPError) {
            guard let connection else {
                throw AMQPError(.connectionLost, scope: .connection, text: "there is no connection")
            }
            try connection.throwIfBlocked()
            func left() -> Duration {
                let now = MonotonicClock.now()
                return .nanoseconds(Int64(clamping: end > now ? end - now : 0))
            }
            var last: Channel?
            func channel() throws(AMQPError) -> Channel {
                let channel: Channel
                if let last, last.isOpen {
                    channel = last
                } else {
                    channel = try connection.openChannel(mailbox: Mailbox(), outwaitsBlocks: false, timeout: left())
                }
                channel.requestTimeout = left()
                last = channel
                return channel
            }
            defer {
                last?.requestTimeout = left()
                last?.close()
            }
            // What was given back a moment ago may be on its way, and a busy broker takes its time.
            let gaveBack = self.pools.contains { $0.job.queues.contains(queue) && $0.counters.counts.givenBack > 0 }
            let deadline = min(end, MonotonicClock.now() &+ (gaveBack ? 5_000_000_000 : 300_000_000))
            while true {
                let rest = try self.rest(of: queue, on: channel)
                guard rest.isEmpty, MonotonicClock.now() < deadline else { return rest }
                _ = try channel().pump(until: MonotonicClock.now() &+ 100_000_000)
            }
        } catch {
            var rest = QueueRest(queue: queue)
            rest.inHand = self.pools.filter { $0.job.queues.contains(queue) }.reduce(0) { $0 + $1.inHand }
            rest.unknown = "\(error)"
            return rest
        }
    }

    private func say(_ rest: QueueRest) {
        var metadata: Logger.Metadata = ["queue": "\(rest.queue)"]
        if let unknown = rest.unknown {
            metadata["reason"] = "\(unknown)"
            if rest.inHand > 0 { metadata["in_hand"] = .number(rest.inHand) }
            return self.logger.error("nobody knows what is left in a queue", metadata: metadata)
        }
        metadata["other_consumers"] = .number(rest.otherConsumers)
        if rest.isEmpty {
            return self.logger.error(
                "a queue is empty, but others consume it: what they have in hand may come back",
                metadata: metadata
            )
        }
        metadata["ready"] = .number(rest.ready)
        metadata["waiting"] = .number(rest.waiting)
        metadata["in_hand"] = .number(rest.inHand)
        self.logger.error("messages are left", metadata: metadata)
    }
}
