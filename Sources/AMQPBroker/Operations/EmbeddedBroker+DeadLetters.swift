import AMQPWire

/// What leaves a queue for a reason of its own.
extension EmbeddedBroker {
    /// Takes note that a message has left its queue; where it goes is seen to at the end of what is being done.
    mutating func bury(_ entry: QueueEntry, _ id: QueueID, _ death: Death) {
        self.counts.dead += 1
        self.deaths[death, default: 0] += 1
        guard let exchange = self.queues[id].options.deadLetterExchange else { return }
        self.deadLetters.append(
            DeadLetter(
                message: entry.message,
                queue: self.queues[id].name,
                vhost: self.queues[id].vhost,
                exchange: exchange,
                routingKey: self.queues[id].options.deadLetterRoutingKey,
                death: death,
                time: self.now / 1000
            )
        )
    }

    /// Publishes what was buried, and what is buried by that.
    mutating func moveDeadLetters() {
        while let letter = self.deadLetters.popFirst() {
            let exists = letter.exchange.isEmpty || self.vhosts[letter.vhost].exchanges[letter.exchange] != nil
            guard exists else { continue }
            let message = letter.published(self.settings.profile)
            for id in self.targets(of: message, letter.vhost) {
                let name = self.queues[id].name
                if letter.death != .rejected, DeadLetter.isCycle(message, to: name) { continue }
                _ = self.enqueue(message, id)
            }
        }
    }

    /// Takes what has expired from the head of a queue.
    mutating func expire(_ id: QueueID) {
        guard self.queues.contains(id), !self.queues[id].ready.isEmpty, self.queues[id].ready.nextExpiry <= self.now
        else { return }
        for entry in self.queues[id].ready.takeExpired(self.now) { self.bury(entry, id, .expired) }
    }
}
