import AMQPWire

/// Acks, and what comes back.
extension EmbeddedBroker {
    mutating func settle(
        _ how: ChannelMachine.Settling.How,
        _ tag: UInt64,
        _ multiple: Bool,
        _ channel: ChannelRef,
        isReject: Bool = false
    ) throws(Refusal) {
        let (id, number) = (channel.connection, channel.number)
        guard let taken = try self.connections[id].channels[number]?.take(tag, multiple: multiple) else { return }
        if self.connections[id].channels[number]?.mode == .transaction {
            self.connections[id].channels[number]?.settlings
                .append(ChannelMachine.Settling(how: how, unacked: taken))
            return
        }
        self.settle(how, taken, channel, isReject: isReject)
    }

    mutating func settle(
        _ how: ChannelMachine.Settling.How,
        _ taken: [Unacked],
        _ channel: ChannelRef,
        isReject: Bool = false
    ) {
        let (id, number) = (channel.connection, channel.number)
        let toConsumers = taken.count { $0.consumer != 0 }
        self.connections[id].channels[number]?.shared.gaveBack(toConsumers)
        switch how {
        case .ack: self.acknowledge(taken)
        case .requeue:
            self.giveBack(self.byConsumer(taken), counted: isReject || self.settings.profile.countsGivenBack)
        case .reject:
            for unacked in self.byConsumer(taken) {
                self.queues[unacked.queue].settled(by: unacked.consumer)
                self.bury(unacked.entry, unacked.queue, .rejected)
            }
            self.dispatchQueues(of: taken)
        }
        if toConsumers > 0, self.connections[id].channels[number]?.shared.isSet == true {
            self.dispatchAll(of: channel)
        }
    }

    /// What is settled at once goes to its queues by their names, and to each of them by the tags of its consumers.
    private func byConsumer(_ taken: [Unacked]) -> [Unacked] {
        let left = taken.filter { self.queues.contains($0.queue) }
        guard left.count > 1 else { return left }
        let keys = left.map { unacked in
            let queue = self.queues[unacked.queue]
            let consumer = unacked.consumer == 0 ? nil : queue.consumers.first { $0.id == unacked.consumer }
            return (queue: queue.name, tag: consumer?.tag ?? "")
        }
        return left.indices.sorted { (keys[$0].queue, keys[$0].tag, $0) < (keys[$1].queue, keys[$1].tag, $1) }
            .map { left[$0] }
    }

    private mutating func acknowledge(_ taken: [Unacked]) {
        for unacked in taken where self.queues.contains(unacked.queue) {
            self.queues[unacked.queue].settled(by: unacked.consumer)
            self.counts.acked += 1
        }
        self.dispatchQueues(of: taken)
    }

    private mutating func dispatchQueues(of taken: [Unacked]) {
        var last: QueueID?
        for unacked in taken where unacked.queue != last {
            last = unacked.queue
            self.dispatch(unacked.queue)
        }
    }

    /// Messages go back to where they were.
    ///
    /// - Parameters:
    ///   - taken: What somebody had and did not settle.
    ///   - counted: Toward the delivery limit of quorum queues.
    mutating func giveBack(_ taken: [Unacked], counted: Bool) {
        for unacked in taken where self.queues.contains(unacked.queue) {
            let id = unacked.queue
            self.queues[id].settled(by: unacked.consumer)
            var entry = unacked.entry
            entry.isRedelivered = true
            entry.acquiredCount += 1
            let isQuorum = self.queues[id].options.kind == .quorum
            if counted, isQuorum || self.settings.profile.earlierDeliveries == .counted {
                entry.deliveryCount += 1
                if isQuorum, let limit = self.queues[id].options.deliveryLimit, entry.deliveryCount > limit {
                    self.bury(entry, id, .deliveryLimit)
                    continue
                }
            }
            self.counts.requeued += 1
            if let wait = self.queues[id].options.delayedRetry?
                .wait(isFailure: counted, failures: entry.deliveryCount)
            {
                self.queues[id].waiting.add(entry, due: self.now + wait)
            } else {
                self.queues[id].ready.putBack(entry)
            }
        }
        for unacked in taken where self.queues.contains(unacked.queue) {
            self.trim(unacked.queue)
            self.dropExpired(unacked.queue)
        }
        self.dispatchQueues(of: taken)
    }

    mutating func recover(_ requeue: Bool, _ channel: ChannelRef, answers: Bool = true) throws(Refusal) {
        guard requeue else { throw .connection(.notImplemented, "requeue=false") }
        let (id, number) = (channel.connection, channel.number)
        let taken = self.connections[id].channels[number]?.unacked.takeAll() ?? []
        if answers { self.send(BasicRecoverOk(), channel) }
        self.settle(.requeue, taken, channel)
    }

    // MARK: Transactions and confirms

    mutating func select(_ method: Method, _ channel: ChannelRef) throws(Refusal) {
        let (id, number) = (channel.connection, channel.number)
        let mode = self.connections[id].channels[number]?.mode
        switch method {
        case .confirmSelect(let select):
            if mode == .transaction {
                throw .channel(.preconditionFailed, "cannot switch from tx to confirm mode")
            }
            self.connections[id].channels[number]?.mode = .confirm
            if !select.noWait { self.send(ConfirmSelectOk(), channel) }
        case .txSelect:
            if mode == .confirm { throw .channel(.preconditionFailed, "cannot switch from confirm to tx mode") }
            self.connections[id].channels[number]?.mode = .transaction
            self.send(TxSelectOk(), channel)
        case .txCommit:
            try Self.checkTransaction(mode)
            self.commit(channel)
        default:
            try Self.checkTransaction(mode)
            let settlings = self.connections[id].channels[number]?.settlings ?? []
            self.connections[id].channels[number]?.publishes = []
            self.connections[id].channels[number]?.settlings = []
            self.connections[id].channels[number]?.unacked.restore(settlings.flatMap(\.unacked))
            self.send(TxRollbackOk(), channel)
        }
    }

    private static func checkTransaction(_ mode: ChannelMachine.Mode?) throws(Refusal) {
        if mode != .transaction { throw .channel(.preconditionFailed, "channel is not transactional") }
    }

    private mutating func commit(_ channel: ChannelRef) {
        let (id, number) = (channel.connection, channel.number)
        guard let machine = self.connections[id].channels[number] else { return }
        self.connections[id].channels[number]?.publishes = []
        self.connections[id].channels[number]?.settlings = []
        var isTaken = true
        for publish in machine.publishes
        where !self.route(publish.message, isMandatory: publish.isMandatory, channel) { isTaken = false }
        // What settlements bring about comes behind the answer.
        if isTaken { self.send(TxCommitOk(), channel) }
        for settling in machine.settlings { self.settle(settling.how, settling.unacked, channel) }
        if !isTaken {
            let refusal = Refusal.channel(.preconditionFailed, "partial tx completion")
            self.closeChannel(channel, refusal, TxCommit.id)
        }
    }
}
