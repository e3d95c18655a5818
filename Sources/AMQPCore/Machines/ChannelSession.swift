package import AMQPWire

/// What the owner of a channel knows of it, as a value: events in; what has to be done outside comes out.
///
/// Whether it lives, its mode, its publishes, its consumers, and what came and was not looked at.
package struct ChannelSession {
    package enum Life: Equatable {
        case open
        /// Our channel.close is queued: nothing counts but its answer, or the end of the connection (C34).
        case closing
        /// Every waiter ends here, once (C41).
        case ended(AMQPError)
    }

    package enum Mode: Equatable {
        case plain
        /// Every publish has a number and is answered (C46).
        case confirm
        /// Publishes and acks take effect with a commit (C64); numbered where they are tracked.
        case transaction(isTracked: Bool)
        /// tx.commit is on its way: nothing may follow it before commit-ok (C64).
        case committing(isTracked: Bool)
    }

    /// What an event asks of the channel.
    package enum Effect: Equatable, Sendable {
        case none
        /// The broker took back what was outstanding up to this tag (C59).
        case requeued(upTo: UInt64)
        /// A publish came back that carries no number, only this identifier.
        case cameBack(messageID: String)
        /// The broker broke the rules of the channel, which ends over it.
        case refuse(String)
        /// The channel has ended.
        case ended
    }

    package private(set) var life = Life.open
    package private(set) var mode = Mode.plain
    /// The last limit for each consumer that was set; 0 is none.
    package var prefetchCount: UInt16 = 0
    package var consumers = ConsumerTags()
    private var confirms = ConfirmWindow<UnconfirmedPublish>()
    private(set) var verdicts: ContiguousArray<PublishVerdict> = []
    private var returned = ReturnedMessages()
    private var replies: ContiguousArray<ChannelEvent> = []
    private var waitsForRoom = false
    /// The last publish that the last commit was for.
    private(set) var commitEnd: UInt64 = 0

    package init() {}

    // MARK: Life

    /// Whether calls can still succeed.
    @inline(__always)
    package var isOpen: Bool {
        if case .ended = self.life { false } else { true }
    }

    package var endReason: AMQPError? {
        if case .ended(let reason) = self.life { reason } else { nil }
    }

    package func throwIfEnded() throws(AMQPError) {
        if case .ended(let reason) = self.life { throw reason }
    }

    /// channel.close is queued.
    package mutating func closing() {
        guard self.life == .open else { return }
        self.life = .closing
        self.replies.removeAll()
    }

    /// Requests end by the thrown reason, publishes as unknown.
    ///
    /// - Returns: false if it had ended before: the first reason stays.
    @discardableResult
    package mutating func end(_ error: AMQPError) -> Bool {
        guard self.isOpen else { return false }
        self.life = .ended(error)
        var verdicts = self.verdicts
        self.confirms.end { publish, verdict in Self.note(publish, verdict, &verdicts) }
        self.verdicts = verdicts
        return true
    }

    /// What the request that ended the channel was about belongs to the reason, for callers that come later.
    package mutating func ended(_ error: AMQPError, by request: some AMQPMethod) -> AMQPError {
        let answer = error.answering(request)
        if self.life == .ended(error) { self.life = .ended(answer) }
        return answer
    }

    // MARK: Events

    /// Takes in what the reader told.
    package mutating func received(_ event: ChannelEvent) -> Effect {
        if self.life == .closing, !Self.countsWhileClosing(event) { return .none }
        switch event {
        case .reply, .got: self.replies.append(event)
        case .requeued(let tag): return .requeued(upTo: tag)
        case .returned(let block, let record):
            guard let message = ReturnedMessage(block: block, record: record) else {
                // Taken for confirmed, its publish would be lost without a word.
                return .refuse("a basic.return with malformed arguments")
            }
            self.returned.append(message)
            if let sequence = message.sequence {
                _ = self.confirms.returned(sequence)
            } else if let messageID = message.properties.messageID {
                return .cameBack(messageID: messageID)
            }
        case .confirm(let tag, let multiple, let positive): self.confirmed(tag, multiple: multiple, positive: positive)
        case .cancelled(let consumerTag): self.consumers.cancelled(consumerTag)
        case .writable: self.waitsForRoom = false
        case .closed(let error):
            self.end(error)
            return .ended
        }
        return .none
    }

    private static func countsWhileClosing(_ event: ChannelEvent) -> Bool {
        switch event {
        case .reply(.channelCloseOk), .closed: true
        case .reply, .got, .requeued, .returned, .confirm, .cancelled, .writable: false
        }
    }

    private mutating func confirmed(_ tag: UInt64, multiple: Bool, positive: Bool) {
        var verdicts = self.verdicts
        self.verdicts = []
        _ = self.confirms.confirmReceived(tag, multiple: multiple, positive: positive) { publish, verdict in
            Self.note(publish, verdict, &verdicts)
        }
        self.verdicts = verdicts
    }

    /// A caller that has its message kept wants to know of failures alone.
    private static func note(
        _ publish: UnconfirmedPublish,
        _ verdict: ConfirmVerdict,
        _ verdicts: inout ContiguousArray<PublishVerdict>
    ) {
        if publish.message != nil, verdict == .confirmed { return }
        verdicts.append(PublishVerdict(publish, verdict))
    }

    /// The reply to the one outstanding request, if it has come.
    package mutating func takeReply() -> ChannelEvent? { self.replies.isEmpty ? nil : self.replies.removeFirst() }

    /// Mandatory publishes that no queue took, since the last look (C49).
    package var returnedMessages: [ReturnedMessage] { self.returned.messages }
    package mutating func takeReturned() -> [ReturnedMessage] { self.returned.take() }

    mutating func takeVerdicts() -> ContiguousArray<PublishVerdict> {
        defer { self.verdicts = [] }
        return self.verdicts
    }

    // MARK: Publishing

    /// Publishes that the broker has not answered.
    package var unconfirmedCount: Int { self.confirms.pending }

    /// The number that the next publish gets where publishes are numbered.
    package var nextSequence: UInt64 { self.confirms.nextSequence }

    /// Whether publishes are numbered, and answered.
    package var numbersPublishes: Bool {
        switch self.mode {
        case .plain: false
        case .confirm: true
        case .transaction(let isTracked), .committing(let isTracked): isTracked
        }
    }

    /// The publish came back that was given this token; of several the first that has not.
    package mutating func returned(token: UInt64) { self.confirms.returned { $0.token == token } }

    /// A numbered publish was appended; its number is ``nextSequence`` of before the call.
    mutating func published(_ publish: UnconfirmedPublish) { self.confirms.published(publish) }

    /// There was no room for a publish.
    package mutating func awaitsRoom() { self.waitsForRoom = true }

    /// Whether nobody has told of room yet.
    package var isWithoutRoom: Bool { self.waitsForRoom }

    // MARK: Confirms and transactions

    package enum Exclusive: Equatable, Sendable { case confirm, transaction }

    /// - Throws: `.refusedLocally` in the other mode: confirms and transactions exclude each other (C46).
    package func throwUnlessMayEnter(_ mode: Exclusive) throws(AMQPError) {
        try self.throwIfEnded()
        switch (self.mode, mode) {
        case (.plain, _), (.confirm, .confirm), (.transaction, .transaction), (.committing, .transaction): return
        case (.confirm, .transaction): throw Self.mixed(.txSelect)
        case (.transaction, .confirm), (.committing, .confirm): throw Self.mixed(.confirmSelect)
        }
    }

    private static func mixed(_ method: MethodID) -> AMQPError {
        let text = "confirms and transactions exclude each other on one channel (C46); open another channel"
        return AMQPError(.refusedLocally, scope: .call, text: text, method: method)
    }

    /// The broker has agreed to confirms.
    package mutating func confirmsSelected() { self.mode = .confirm }

    /// The broker has agreed to transactions.
    ///
    /// - Parameter isTracked: Whether each publish has a number and gets its verdict with its commit.
    package mutating func transactionsSelected(isTracked: Bool = false) {
        if case .committing = self.mode { return }
        self.mode = .transaction(isTracked: isTracked)
    }

    /// - Throws: `.refusedLocally` outside of a transaction; why the channel ended.
    package func throwUnlessTransaction(_ method: MethodID) throws(AMQPError) {
        try self.throwIfEnded()
        switch self.mode {
        case .transaction, .committing: return
        case .plain, .confirm:
            let text = "the channel is not in transaction mode; call selectTransactions() first"
            throw AMQPError(.refusedLocally, scope: .call, text: text, method: method)
        }
    }

    package var isCommitting: Bool {
        if case .committing = self.mode { true } else { false }
    }

    /// - Throws: `.timeout` while a commit is on its way; as without room, a later try may go well.
    package func throwIfCommitting() throws(AMQPError) {
        guard self.isCommitting else { return }
        let text = "no room to publish: a commit is on its way, and nothing may follow it before commit-ok (C64)"
        throw AMQPError(.timeout, scope: .call, text: text, method: .basicPublish)
    }

    /// tx.commit went out.
    package mutating func commitStarted() {
        guard case .transaction(let isTracked) = self.mode else { return }
        self.commitEnd = self.confirms.nextSequence - 1
        self.mode = .committing(isTracked: isTracked)
    }

    /// Whether commit-ok has come since the last look: what was published before the commit has its verdicts then.
    package mutating func takeCommitOk() -> Bool {
        guard case .committing(let isTracked) = self.mode, case .reply(.txCommitOk)? = self.takeReply() else {
            return false
        }
        self.mode = .transaction(isTracked: isTracked)
        self.confirmed(self.commitEnd, multiple: true, positive: true)
        return true
    }
}
