import AMQPWire

/// One AMQP channel.
///
/// It belongs to the thread that opened it: it is not `Sendable`, and every call blocks that thread alone. It lives until it
/// is closed or let go; what is unsettled then goes back to its queues.
///
/// An error of the broker ends this channel and no other. Afterwards each call throws the reason.
public final class Channel {
    let lane: Lane
    let outbox: Outbox
    private let seat: (any ReadingSeat)?
    /// Lives as long as a channel of it.
    private let connection: AnyObject?
    /// How long an answer may take.
    package var requestTimeout: Duration
    /// Whether requests wait on while the broker blocks the connection (C51): true unless set.
    ///
    /// A blocked broker reads nothing, so no answer can come, for as long as its alarm lasts. Set it to false and every
    /// request ends after ``ConnectionOptions/requestTimeout`` all the same: `.timeout`, and the channel is closed (C63).
    public var outwaitsBlocks = true
    /// What it may ask of its broker.
    var server = ServerCapabilities()

    private var inbox = Inbox()
    var replies: ContiguousArray<ChannelEvent> = []
    private var batches: ContiguousArray<DeliveryBatch> = []
    private var nextBatch = 0
    private var nextRecord = 0
    /// The batches that were not begun.
    private var unread = Backlog()
    /// The last limit for each consumer that was set; 0 is none.
    var prefetchCount: UInt16 = 0
    private var mode = Mode.plain
    var confirms = ConfirmWindow<UnconfirmedPublish>()
    private(set) package var verdicts: ContiguousArray<PublishVerdict> = []
    private var isWritable = true
    var isClosing = false
    private var calls: ContiguousArray<ScheduledCall> = []
    var signals: UInt32 = 0
    /// The tags in use on this channel; a second consumer with one of them would cost the connection (C52).
    var consumers: Set<String> = []
    var noAckConsumers: Set<String> = []
    /// Signals that end a wait for an answer, and with it the channel.
    package var interrupts: UInt32 = 0
    var acksAfterEnd = 0
    var namedConsumers = 0
    /// In transaction mode: whether publishes are numbered, and answered by their commit.
    var tracksPublishes = false
    /// A commit is on its way; nothing may follow it before commit-ok (C64).
    package internal(set) var isCommitting = false
    /// The last publish that the commit on its way is for.
    package internal(set) var commitEnd: UInt64 = 0

    /// Why the channel ended; nil while it is open.
    public private(set) var endReason: AMQPError?
    /// Whether calls can still succeed.
    public private(set) var isOpen = true
    /// Consumers that the broker ended by itself, since the last look (C56, C61).
    public var cancelledConsumers: [String] { self.cancelled }
    // Unchecked: looked at for each delivery, and changed by the channel's thread in no call that looks.
    @exclusivity(unchecked) private var cancelled: [String] = []
    /// No broker ends more consumers of one channel than this between two looks.
    private static let cancelledLimit = 65_536
    private var returned = ReturnedMessages()
    /// Mandatory publishes that no queue took, since the last look (C49).
    ///
    /// The latest of them: at most 4,096, with at most 16 MiB of headers and bodies unless a single one is larger.
    public var returnedMessages: [ReturnedMessage] { self.returned.messages }

    package enum Mode { case plain, confirm, transaction }

    /// - Parameters:
    ///   - lane: The reader's side of it.
    ///   - outbox: Its connection's.
    ///   - requestTimeout: How long an answer may take.
    ///   - seat: Where its owner may wait for the socket itself; nil where another thread alone reads.
    ///   - connection: Kept while the channel lives.
    package init(
        lane: Lane,
        outbox: Outbox,
        requestTimeout: Duration,
        seat: (any ReadingSeat)? = nil,
        connection: AnyObject? = nil
    ) {
        self.lane = lane
        self.outbox = outbox
        self.seat = seat
        self.connection = connection
        self.requestTimeout = requestTimeout
    }

    deinit {
        // Its number and its consumers would stay, and what they are sent would wait for nobody.
        if self.isOpen { self.breaker.endChannel("let go by its owner") }
    }

    /// The number on the wire, 1...65,535.
    public var number: UInt16 { self.lane.number }
    /// Different for every channel that this process ever opened (C54).
    public var incarnation: UInt64 { self.lane.incarnation }
    var currentMode: Mode { self.mode }

    package func enter(_ mode: Mode) {
        self.mode = mode
        if mode == .transaction { self.lane.ackLine.beginTransactions() }
    }

    // MARK: Waiting

    /// Sends what is pending, acks that were held back among it, then takes in as ``pump(until:)`` does.
    @discardableResult
    package func sendAcksAndPump(until deadline: UInt64?) -> Bool {
        let isThere = self.lane.mailbox.take(
            into: &self.inbox,
            until: deadline,
            unread: self.unread,
            from: self.seat
        ) { self.sendAcks() }
        if isThere { self.takeInbox() }
        return isThere
    }

    /// Takes in what was read for it, waiting until there is something or the deadline passes.
    ///
    /// What it waits for may stand behind deliveries: while it waits, none of them holds up the reader.
    ///
    /// - Parameter deadline: In nanoseconds of the monotonic clock; nil waits without end, 0 not at all.
    /// - Returns: Whether anything came.
    @discardableResult
    package func pump(until deadline: UInt64?) -> Bool {
        let isThere = self.lane.mailbox.take(
            into: &self.inbox,
            until: deadline,
            unread: self.unread,
            isAwaiting: deadline != 0,
            from: self.seat
        )
        if isThere { self.takeInbox() }
        return isThere
    }

    private func takeInbox() {
        if self.isClosing { self.discardAllButTheEnd() }
        if !self.inbox.batches.isEmpty { self.takeBatches() }
        if !self.inbox.events.isEmpty {
            for event in self.inbox.events { self.take(event) }
            self.inbox.events.removeAll(keepingCapacity: true)
        }
        if !self.inbox.calls.isEmpty {
            self.calls.append(contentsOf: self.inbox.calls)
            self.inbox.calls.removeAll(keepingCapacity: true)
        }
        self.signals |= self.inbox.signals
        self.inbox.signals = 0
    }

    /// Once channel.close is queued nothing counts but its answer, or the end of the connection (C34).
    private func discardAllButTheEnd() {
        self.inbox.batches.removeAll(keepingCapacity: true)
        self.inbox.events.removeAll { event in
            switch event {
            case .reply(.channelCloseOk), .closed: false
            default: true
            }
        }
    }

    private func takeBatches() {
        for batch in self.inbox.batches {
            guard self.lane.ackLine.delivered(batch.records) else {
                _ = self.refuse("delivery tags that do not count up")
                self.inbox.batches.removeAll(keepingCapacity: true)
                return
            }
            if !self.noAckConsumers.isEmpty { self.settleUnacked(batch) }
            self.unread += Backlog(batch)
        }
        // Each batch holds the memory it was read into: what has been taken goes before more is kept.
        self.batches.removeFirst(self.nextBatch)
        self.nextBatch = 0
        if self.batches.isEmpty {
            swap(&self.batches, &self.inbox.batches)
        } else {
            self.batches.append(contentsOf: self.inbox.batches)
            self.inbox.batches.removeAll(keepingCapacity: true)
        }
    }

    /// What its owner has not looked at yet comes again: it must not be handed out twice.
    private func takeRequeued(upTo tag: UInt64) {
        var kept: ContiguousArray<DeliveryBatch> = []
        while self.nextBatch < self.batches.count {
            var batch = self.batches[self.nextBatch]
            batch.records.removeFirst(self.nextRecord)
            batch.records.removeAll { $0.deliveryTag <= tag && self.lane.ackLine.isOutstanding($0.deliveryTag) }
            if !batch.records.isEmpty { kept.append(batch) }
            self.nextBatch += 1
            self.nextRecord = 0
        }
        self.batches = kept
        self.nextBatch = 0
        self.unread = kept.reduce(into: Backlog()) { $0 += Backlog($1) }
        self.lane.ackLine.requeuedByBroker(upTo: tag)
    }

    /// Deliveries of a consumer without acks are settled as they come.
    private func settleUnacked(_ batch: DeliveryBatch) {
        for record in batch.records {
            let strings = DeliverStrings(batch.block.slice(record.methodOffset, record.methodLength))
            let tag = String(decoding: strings.consumerTag, as: UTF8.self)
            if self.noAckConsumers.contains(tag) { self.lane.ackLine.settleWithoutFrame(record.deliveryTag) }
        }
    }

    private func take(_ event: ChannelEvent) {
        switch event {
        case .reply, .got: self.replies.append(event)
        case .requeued(let tag): self.takeRequeued(upTo: tag)
        case .returned(let block, let record): self.takeReturned(block, record)
        case .confirm(let tag, let multiple, let positive):
            _ = self.confirms.confirmReceived(tag, multiple: multiple, positive: positive) { self.note($0, $1) }
        case .cancelled(let consumerTag):
            self.forgetConsumer(consumerTag)
            if self.cancelled.count < Self.cancelledLimit { self.cancelled.append(consumerTag) }
        case .writable: self.isWritable = true
        case .closed(let error): self.end(error)
        }
    }

    /// A caller that has its message kept wants to know of failures alone.
    func note(_ publish: UnconfirmedPublish, _ verdict: ConfirmVerdict) {
        if publish.message != nil, verdict == .confirmed { return }
        self.verdicts.append(PublishVerdict(publish, verdict))
    }

    private func takeReturned(_ block: Block, _ record: ContentRecord) {
        guard let message = ReturnedMessage(block: block, record: record) else {
            // Taken for confirmed, its publish would be lost without a word.
            _ = self.refuse("a basic.return with malformed arguments")
            return
        }
        if let sequence = message.sequence { _ = self.confirms.returned(sequence) }
        self.returned.append(message)
    }

    /// Every waiter ends here, once (C41): requests by the thrown reason, confirms as unknown, deliveries as gone.
    func end(_ error: AMQPError) {
        guard self.isOpen else { return }
        self.isOpen = false
        self.endReason = error
        self.lane.ackLine.end()
        self.confirms.end { self.note($0, $1) }
        self.forgetBatches(keepingCapacity: false)
    }

    private func forgetBatches(keepingCapacity: Bool) {
        self.batches.removeAll(keepingCapacity: keepingCapacity)
        self.nextBatch = 0
        self.nextRecord = 0
        self.unread = Backlog()
    }

    /// What the request that ended the channel was about belongs to the reason, for callers that come later.
    func ended(_ error: AMQPError, by request: some AMQPMethod) -> AMQPError {
        let answer = error.answering(request)
        if self.endReason == error { self.endReason = answer }
        return answer
    }

    /// The broker broke the rules of this channel: it ends here, and there too.
    func refuse(_ text: String) -> AMQPError {
        _ = self.outbox.closeChannel(self.number, self.incarnation, code: .preconditionFailed, text: text)
        self.outbox.flush()
        self.end(.violation(text, scope: .channel(self.number)))
        self.lane.mailbox.detach()
        return self.endReason ?? .violation(text, scope: .channel(self.number))
    }

    func throwIfEnded() throws(AMQPError) {
        if !self.isOpen, let reason = self.endReason { throw reason }
    }

    // MARK: Deliveries

    /// The next delivery of any consumer of this channel; nil when `timeout` passes first.
    ///
    /// - Parameter timeout: nil waits without end.
    /// - Returns: The delivery, or nil.
    /// - Throws: Why the channel ended; `.consumerCancelled`, of the call alone, when the broker has ended the last
    ///   consumer of the channel and all that it was sent has been taken (C56, C61): nothing would come any more.
    public func nextDelivery(timeout: Duration? = nil) throws(AMQPError) -> Delivery? {
        try self.nextDelivery(until: MonotonicClock.deadline(in: timeout))
    }

    func nextDelivery(until deadline: UInt64?) throws(AMQPError) -> Delivery? {
        while true {
            if let delivery = self.takeDelivery() { return delivery }
            try self.throwIfEnded()
            if self.consumers.isEmpty, let consumer = self.cancelled.last {
                let text = "the broker ended consumer '\(consumer)': its queue was deleted, moved, or timed out"
                throw AMQPError(.consumerCancelled, scope: .call, text: text)
            }
            guard self.sendAcksAndPump(until: deadline) else { return nil }
        }
    }

    private func takeDelivery() -> Delivery? {
        while self.nextBatch < self.batches.count {
            let batch = self.batches[self.nextBatch]
            if self.nextRecord == 0 { self.unread -= Backlog(batch) }
            guard self.nextRecord < batch.records.count else {
                self.nextBatch += 1
                self.nextRecord = 0
                continue
            }
            defer { self.nextRecord += 1 }
            return Delivery(block: batch.block, record: batch.records[self.nextRecord], incarnation: self.incarnation)
        }
        if !self.batches.isEmpty { self.forgetBatches(keepingCapacity: true) }
        return nil
    }

    /// The next whole batch, for a worker that walks the records itself.
    package func takeBatch() -> DeliveryBatch? {
        guard self.nextBatch < self.batches.count else { return nil }
        let batch = self.batches[self.nextBatch]
        self.nextBatch += 1
        self.unread -= Backlog(batch)
        if self.nextBatch == self.batches.count { self.forgetBatches(keepingCapacity: true) }
        return batch
    }

    package func takeSignals() -> UInt32 {
        defer { self.signals = 0 }
        return self.signals
    }

    package func takeCalls() -> ContiguousArray<ScheduledCall> {
        defer { self.calls = [] }
        return self.calls
    }

    package var hasCancelledConsumers: Bool { !self.cancelled.isEmpty }
    package var hasCalls: Bool { !self.calls.isEmpty }
    package var hasSignals: Bool { self.signals != 0 }

    /// Hands out and forgets the consumers that the broker ended.
    public func takeCancelledConsumers() -> [String] {
        defer { self.cancelled = [] }
        return self.cancelled
    }

    /// Hands out and forgets the returned messages.
    public func takeReturnedMessages() -> [ReturnedMessage] {
        self.returned.take()
    }

    package func takeVerdicts() -> ContiguousArray<PublishVerdict> {
        defer { self.verdicts = [] }
        return self.verdicts
    }

    // MARK: Room to publish

    /// Waits until publishers may append again.
    func awaitWritable(until deadline: UInt64?) throws(AMQPError) {
        self.isWritable = false
        self.sendAcks()
        while !self.isWritable {
            try self.throwIfEnded()
            if !self.pump(until: deadline) {
                let text = "no room to publish: the broker blocks the connection or pauses the channel, or reads slowly"
                throw AMQPError(.timeout, scope: .call, text: text, method: .basicPublish)
            }
        }
    }

    /// Sends the acks that were held back and everything else that is pending.
    package func sendAcks() {
        self.appendAcks()
        self.outbox.flush()
    }

    func appendAcks() {
        self.lane.ackLine.sendFrames(byOwner: true) { frames in
            self.outbox.appendFrames(self.number, self.incarnation, frames)
        }
    }
}
