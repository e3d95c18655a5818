import AMQPWire

/// What leaves a queue for a reason of its own.
extension EmbeddedBroker {
    /// Takes note that a message has left its queue; where it goes is seen to at the end of what is being done.
    mutating func bury(_ entry: QueueEntry, _ id: QueueID, _ death: Death) {
        self.counts.dead += 1
        self.deaths[death, default: 0] += 1
        if death == .expired { self.queues[id].expired += 1 }
        guard let exchange = self.queues[id].options.deadLetterExchange else { return }
        let letter = DeadLetter(
            message: entry.message,
            queue: self.queues[id].name,
            vhost: self.queues[id].vhost,
            exchange: exchange,
            routingKey: self.queues[id].options.deadLetterRoutingKey,
            death: death,
            deliveryCount: self.deliveryCount(of: entry, self.queues[id].options.kind, death),
            time: self.now / 1000
        )
        guard self.queues[id].options.keepsDeadLetters else { return self.deadLetters.append(letter) }
        if self.queues[id].deadLetters.isEmpty { self.waiting.append(id) }
        self.queues[id].deadLetters.append(letter)
    }

    private func deliveryCount(of entry: QueueEntry, _ kind: QueueOptions.Kind, _ death: Death) -> Int {
        let count = entry.deliveryCount + (death == .rejected ? 1 : 0)
        switch self.settings.profile.earlierDeliveries {
        case .forgotten: return 0
        case .told:
            let isCounted = kind == .quorum && count > 0 && death != .deliveryLimit
            return isCounted ? count : entry.message.deliveryCount
        case .counted: return count
        }
    }

    /// Publishes what was buried, and what is buried by that.
    mutating func moveDeadLetters() {
        repeat {
            while let letter = self.deadLetters.popFirst() {
                guard let (message, targets) = self.targets(of: letter) else { continue }
                for id in targets { _ = self.enqueue(message, id, from: .queue) }
            }
        } while self.moveWaiting()
    }

    /// A dead letter as it is published, and the queues that it goes to; nil if its exchange is not there.
    private func targets(of letter: DeadLetter) -> (message: Message, queues: [QueueID])? {
        guard letter.exchange.isEmpty || self.vhosts[letter.vhost].exchanges[letter.exchange] != nil else { return nil }
        let message = letter.published(self.settings.profile)
        let targets = self.targets(of: message, letter.vhost)
        guard letter.death != .rejected else { return (message, targets) }
        return (message, targets.filter { !DeadLetter.isCycle(message, to: self.queues[$0].name) })
    }

    /// Publishes what waits for its targets, as far as all of them take it now (`at-least-once`).
    ///
    /// - Returns: Whether any was taken.
    private mutating func moveWaiting() -> Bool {
        var isMoved = false
        for id in self.waiting where self.queues.contains(id) {
            while let letter = self.queues[id].deadLetters.first {
                guard let (message, targets) = self.targets(of: letter), !targets.isEmpty else { break }
                let refuses = targets.contains { target in
                    let queue = self.queues[target]
                    return queue.options.tellsPublishers
                        ? queue.gate.isShut || queue.isOverfull
                        : queue.options.overflow != .dropHead && queue.isFull(with: message.body.count)
                }
                if refuses { break }
                _ = self.queues[id].deadLetters.popFirst()
                for target in targets { _ = self.enqueue(message, target, from: .queue) }
                isMoved = true
            }
        }
        let left = self.waiting.filter { self.queues.contains($0) && !self.queues[$0].deadLetters.isEmpty }
        self.waiting = left
        return isMoved
    }

    /// Takes what has expired from the head of a queue, if that is what the queue waits for.
    mutating func expire(_ id: QueueID) {
        guard self.queues.contains(id) else { return }
        self.queues[id].endWaits(now: self.now)
        if self.queues[id].options.kind == .quorum || self.queues[id].expiresAt <= self.now { self.dropExpired(id) }
    }

    /// Takes what has expired from the head of a queue, and notes when the next one at the head will.
    ///
    /// A classic queue looks again when that one's time has come or its head has gone: what comes in before it, with a
    /// higher priority, may stay longer than it should.
    mutating func dropExpired(_ id: QueueID) {
        guard self.queues.contains(id) else { return }
        for entry in self.queues[id].ready.takeExpired(self.now) { self.bury(entry, id, .expired) }
        self.queues[id].expiresAt = self.queues[id].ready.nextExpiry
    }

    /// A message has come in, and may have expired already.
    mutating func expire(_ id: QueueID, behind entry: QueueEntry, hasDropped: Bool) {
        let isAlone = self.queues[id].ready.count == 1
        switch (self.queues[id].options.kind, hasDropped, isAlone) {
        case (.classic, false, false): return
        case (.classic, true, true) where entry.expiresAt == .max: return
        default: self.dropExpired(id)
        }
    }
}
