import AMQPWire
import Synchronization

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
    package var server = ServerCapabilities()
    /// What its broker is.
    package var brokerVersion: BrokerVersion { self.server.version }

    private var inbox = Inbox()
    // Unchecked, both: looked at for each delivery, and changed by the channel's thread in no call that looks.
    @exclusivity(unchecked) var session = ChannelSession()
    @exclusivity(unchecked) private var deliveries = DeliveryQueue()
    private var calls: ContiguousArray<ScheduledCall> = []
    var signals: UInt32 = 0
    /// Signals that end a wait for an answer, and with it the channel.
    package var interrupts: UInt32 = 0
    var acksAfterEnd = 0
    private var takenWhileClosing = 0
    /// Deliveries that came after its owner closed it: the broker has them back.
    package var deliveriesWhileClosing: Int {
        self.takenWhileClosing + self.lane.droppedDeliveries.load(ordering: .relaxed)
    }
    /// Gives the token of a publish by its message's identifier, for an owner that gives each message one of its own.
    ///
    /// Then a mandatory publish carries no number of ours, which costs whoever handles it a look for copies.
    package var tokenOfMessage: ((String) -> UInt64?)?

    /// Why the channel ended; nil while it is open.
    public var endReason: AMQPError? { self.session.endReason }
    /// Whether calls can still succeed.
    public var isOpen: Bool { self.session.isOpen }
    /// Consumers that the broker ended by itself, since the last look (C56, C61).
    public var cancelledConsumers: [String] { self.session.consumers.cancelled }
    /// Mandatory publishes that no queue took, since the last look (C49).
    ///
    /// The latest of them: at most 4,096, with at most 16 MiB of headers and bodies unless a single one is larger.
    public var returnedMessages: [ReturnedMessage] { self.session.returnedMessages }
    package var verdicts: ContiguousArray<PublishVerdict> { self.session.verdicts }
    /// A commit is on its way; nothing may follow it before commit-ok (C64).
    package var isCommitting: Bool { self.session.isCommitting }
    /// The last publish that the last commit was for.
    package var commitEnd: UInt64 { self.session.commitEnd }

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

    // MARK: Waiting

    /// Sends what is pending, acks that were held back among it, then takes in as ``pump(until:)`` does.
    @discardableResult
    package func sendAcksAndPump(until deadline: UInt64?) -> Bool {
        let isThere = self.lane.mailbox.take(
            into: &self.inbox,
            until: deadline,
            unread: self.deliveries.unread,
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
            unread: self.deliveries.unread,
            isAwaiting: deadline != 0,
            from: self.seat
        )
        if isThere { self.takeInbox() }
        return isThere
    }

    private func takeInbox() {
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

    private func takeBatches() {
        guard self.session.life != .closing else {
            for batch in self.inbox.batches { self.takenWhileClosing += batch.records.count }
            return self.inbox.batches.removeAll(keepingCapacity: true)
        }
        for batch in self.inbox.batches {
            guard
                self.lane.ackLine.delivered(
                    self.session.consumers.replies.isEmpty ? batch.records : self.counted(batch)
                )
            else {
                _ = self.refuse("delivery tags that do not count up")
                self.inbox.batches.removeAll(keepingCapacity: true)
                return
            }
            if !self.session.consumers.withoutAcks.isEmpty { self.settleUnacked(batch) }
        }
        self.deliveries.append(&self.inbox.batches)
    }

    private func take(_ event: ChannelEvent) {
        switch self.session.received(event) {
        case .none: break
        case .requeued(let tag):
            self.deliveries.drop { $0.deliveryTag <= tag && self.lane.ackLine.isOutstanding($0.deliveryTag) }
            self.lane.ackLine.requeuedByBroker(upTo: tag)
        case .cameBack(let messageID):
            if let token = self.tokenOfMessage?(messageID) { self.session.returned(token: token) }
        case .refuse(let text): _ = self.refuse(text)
        case .ended: self.letGo()
        }
    }

    /// Deliveries of a consumer without acks are settled as they come.
    private func settleUnacked(_ batch: DeliveryBatch) {
        for record in batch.records where self.session.consumers.withoutAcks.contains(Self.consumer(of: record, batch))
        {
            self.lane.ackLine.settleWithoutFrame(record.deliveryTag)
        }
    }

    /// Those whose tags count up.
    private func counted(_ batch: DeliveryBatch) -> ContiguousArray<ContentRecord> {
        batch.records.filter { !self.session.consumers.replies.contains(Self.consumer(of: $0, batch)) }
    }

    private static func consumer(of record: ContentRecord, _ batch: DeliveryBatch) -> String {
        let strings = DeliverStrings(batch.block.slice(record.methodOffset, record.methodLength))
        return String(decoding: strings.consumerTag, as: UTF8.self)
    }

    /// Every waiter ends here, once (C41): requests by the thrown reason, confirms as unknown, deliveries as gone.
    func end(_ error: AMQPError) {
        if self.session.end(error) { self.letGo() }
    }

    private func letGo() {
        self.lane.ackLine.end()
        self.deliveries.removeAll()
    }

    /// The broker broke the rules of this channel: it ends here, and there too.
    func refuse(_ text: String) -> AMQPError {
        _ = self.outbox.closeChannel(self.number, self.incarnation, code: .preconditionFailed, text: text)
        self.outbox.flush()
        self.end(.violation(text, scope: .channel(self.number)))
        self.lane.mailbox.detach()
        return self.endReason ?? .violation(text, scope: .channel(self.number))
    }

    func throwIfEnded() throws(AMQPError) { try self.session.throwIfEnded() }

    // MARK: Deliveries

    /// The next delivery of any consumer of this channel; nil when `timeout` passes first.
    ///
    /// - Parameter timeout: nil waits without end.
    /// - Returns: The delivery, or nil.
    /// - Throws: Why the channel ended; `.consumerCancelled`, of the call alone, when the broker has ended the last
    ///   consumer of the channel and all that it was sent has been taken (C56, C61): nothing would come any more.
    @available(*, noasync, message: "it blocks its thread")
    public func nextDelivery(timeout: Duration? = nil) throws(AMQPError) -> Delivery? {
        try self.nextDelivery(until: MonotonicClock.deadline(in: timeout))
    }

    package func nextDelivery(until deadline: UInt64?) throws(AMQPError) -> Delivery? {
        while true {
            if let delivery = self.takeDelivery() { return delivery }
            try self.throwIfEnded()
            try self.throwIfConsumersEnded()
            guard self.sendAcksAndPump(until: deadline) else { return nil }
        }
    }

    /// The same, and nil too when one of the owner's signals is there, which ``takeSignals()`` hands out.
    package func nextDeliveryOrSignal(until deadline: UInt64?) throws(AMQPError) -> Delivery? {
        while true {
            if let delivery = self.takeDelivery() { return delivery }
            try self.throwIfEnded()
            try self.throwIfConsumersEnded()
            if self.hasSignals { return nil }
            guard self.sendAcksAndPump(until: deadline) else { return nil }
        }
    }

    private func throwIfConsumersEnded() throws(AMQPError) {
        guard self.session.consumers.inUse.isEmpty, let consumer = self.cancelledConsumers.last else { return }
        let text = "the broker ended consumer '\(consumer)': its queue was deleted, moved, or timed out"
        throw AMQPError(.consumerCancelled, scope: .call, text: text)
    }

    private func takeDelivery() -> Delivery? {
        guard let (block, record) = self.deliveries.next() else { return nil }
        return Delivery(block: block, record: record, line: self.lane.ackLine)
    }

    /// The next whole batch, for a worker that walks the records itself.
    package func takeBatch() -> DeliveryBatch? { self.deliveries.takeBatch() }

    /// All that was taken in and not handed out.
    package func takeRest() -> [Delivery] {
        var rest: [Delivery] = []
        while let delivery = self.takeDelivery() { rest.append(delivery) }
        return rest
    }

    /// Whether its thread reads the socket for all while it waits.
    package var mayRead: Bool { self.seat != nil }

    /// Deliveries that were taken in, and of whose batch none was handed out.
    package var unreadCount: Int { self.deliveries.unread.count }

    package func takeSignals() -> UInt32 {
        defer { self.signals = 0 }
        return self.signals
    }

    package func takeCalls() -> ContiguousArray<ScheduledCall> {
        defer { self.calls = [] }
        return self.calls
    }

    package var hasCancelledConsumers: Bool { !self.session.consumers.cancelled.isEmpty }
    package var hasCalls: Bool { !self.calls.isEmpty }
    package var hasSignals: Bool { self.signals != 0 }

    /// Hands out and forgets the consumers that the broker ended.
    public func takeCancelledConsumers() -> [String] { self.session.consumers.takeCancelled() }

    /// Hands out and forgets the returned messages.
    public func takeReturnedMessages() -> [ReturnedMessage] { self.session.takeReturned() }

    package func takeVerdicts() -> ContiguousArray<PublishVerdict> { self.session.takeVerdicts() }

    // MARK: Room to publish

    /// Waits until publishers may append again.
    func awaitWritable(until deadline: UInt64?) throws(AMQPError) {
        self.session.awaitsRoom()
        self.sendAcks()
        while self.session.isWithoutRoom {
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
