import AMQPWire

/// What happens because time has passed.
extension EmbeddedBroker {
    /// When ``tick(now:)`` is to be called next; nil if nothing waits for the time.
    public var nextDeadline: UInt64? { self.timers.earliest }

    /// Does what is due.
    public mutating func tick(now: UInt64) {
        self.pass(now)
        while let due = self.timers.take(dueBy: self.now) {
            switch due.owner {
            case .queue(let id):
                guard self.queues.contains(id), self.queues[id].armedAt == due.time else { continue }
                self.queues[id].armedAt = .max
                self.tickQueue(id)
            case .connection(let id):
                guard self.connections.contains(id), self.connections[id].armedAt == due.time else { continue }
                self.connections[id].armedAt = .max
                self.tickConnection(id)
            }
        }
        self.settleRest()
    }

    mutating func armQueue(_ id: QueueID) {
        let deadline = self.queues[id].deadline
        guard deadline < self.queues[id].armedAt else { return }
        self.queues[id].armedAt = deadline
        self.timers.add(.queue(id), at: deadline)
    }

    mutating func arm(_ id: ConnectionID) {
        self.arm(id, at: self.connections[id].deadline)
    }

    mutating func arm(_ id: ConnectionID, at deadline: UInt64) {
        guard deadline < self.connections[id].armedAt else { return }
        self.connections[id].armedAt = deadline
        self.timers.add(.connection(id), at: deadline)
    }

    private mutating func tickQueue(_ id: QueueID) {
        self.expire(id)
        let queue = self.queues[id]
        if let expires = queue.options.expires, queue.consumers.isEmpty, queue.usedAt + expires <= self.now {
            return self.deleteQueue(id)
        }
        // Whoever looked at it first may have ended a wait already.
        self.dispatch(id)
    }

    private mutating func tickConnection(_ id: ConnectionID) {
        if self.connections[id].endsAt <= self.now { return self.drop(id) }
        let heartbeat = self.connections[id].heartbeat
        if heartbeat > 0, self.connections[id].phase == .running {
            if !self.connections[id].isBlocked, self.connections[id].receivedAt + heartbeat * 3 <= self.now {
                return self.drop(id)
            }
            if self.connections[id].sentAt + heartbeat / 2 <= self.now {
                self.connections[id].output += [Frame.heartbeat, 0, 0, 0, 0, 0, 0, Frame.end]
                self.connections[id].sentAt = self.now
                self.markDirty(id)
            }
        }
        self.timeOutConsumers(id)
        guard self.connections.contains(id) else { return }
        // What is overdue and stays is looked at once a second.
        let deadline = self.connections[id].deadline
        self.arm(id, at: deadline > self.now ? deadline : self.now + 1000)
    }

    // MARK: Alarms

    /// Blocks who publishes, as a node without memory or disk does, until `reason` is nil.
    public mutating func setAlarm(_ reason: String?, now: UInt64) {
        self.pass(now)
        self.alarm = reason
        for id in self.connections.ids where self.connections[id].phase == .running {
            if reason != nil { self.block(id) } else { self.unblock(id) }
        }
        self.settleRest()
    }

    /// A connection that has published is not read any more.
    mutating func block(_ id: ConnectionID) {
        guard let alarm = self.alarm, self.connections[id].hasPublished, !self.connections[id].isBlocked else { return }
        self.connections[id].isBlocked = true
        if self.connections[id].can("connection.blocked") { self.send(ConnectionBlocked(reason: alarm), id) }
    }

    private mutating func unblock(_ id: ConnectionID) {
        guard self.connections[id].isBlocked else { return }
        self.connections[id].isBlocked = false
        if self.connections[id].can("connection.blocked") { self.send(ConnectionUnblocked(), id) }
        let held = self.connections[id].held
        self.connections[id].held = []
        self.receive(held, from: id, now: self.now)
    }
}
