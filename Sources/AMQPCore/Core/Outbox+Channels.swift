import AMQPWire

extension Outbox {
    /// Appends to a channel if its door is open: the check and the append are one step (C33).
    ///
    /// - Throws: The reason why the channel ended; or what `body` threw, with nothing appended.
    func append(
        _ number: UInt16,
        _ incarnation: UInt64,
        expecting reply: MethodID? = nil,
        or other: MethodID? = nil,
        _ body: (inout WireBuffer, _ frameMax: Int) throws(WireError) -> Void
    ) throws(AMQPError) {
        try self.monitor.withLock { state throws(AMQPError) in
            try state.channels.throwUnlessOpen(number, incarnation)
            try Self.append(&state, body)
            if let reply { state.channels.asked(number, expecting: reply, or: other) }
        }
    }

    /// All of it, or nothing.
    private static func append(
        _ state: inout State,
        _ body: (inout WireBuffer, _ frameMax: Int) throws(WireError) -> Void
    ) throws(AMQPError) {
        let mark = state.pending.count
        do throws(WireError) {
            try body(&state.pending, state.frameMax)
        } catch {
            state.pending.truncate(to: mark)
            throw AMQPError(.refusedLocally, scope: .call, text: error.message)
        }
    }

    enum PublishAction { case appended, wait }

    /// Appends a content, unless publishers have to wait; then the owner gets a `writable` event.
    func appendContent(
        _ number: UInt16,
        _ incarnation: UInt64,
        _ body: (inout WireBuffer, _ frameMax: Int) throws(WireError) -> Void
    ) throws(AMQPError) -> PublishAction {
        try self.monitor.withLock { state throws(AMQPError) in
            try state.channels.throwUnlessOpen(number, incarnation)
            guard Self.hasRoom(state, number, self.highWater) else {
                state.channels.wantsRoom(number)
                return .wait
            }
            try Self.append(&state, body)
            return .appended
        }
    }

    private static func hasRoom(_ state: borrowing State, _ number: UInt16, _ highWater: Int) -> Bool {
        !state.isBlocked && !state.channels.isPaused(number) && state.queuedBytes <= highWater
    }

    /// Whether a publish would be appended now; true also on a dead channel, where it fails at once.
    func canPublish(_ number: UInt16, _ incarnation: UInt64) -> Bool {
        self.monitor.withLock { state in
            !state.channels.isOpen(number, incarnation) || Self.hasRoom(state, number, self.highWater)
        }
    }

    /// Appends ready frames of a channel; drops them if the channel is gone: its acks mean nothing any more (C54).
    func appendFrames(_ number: UInt16, _ incarnation: UInt64, _ frames: borrowing WireBuffer) -> Bool {
        self.monitor.withLock { state in
            guard state.channels.isOpen(number, incarnation) else { return false }
            state.pending.append(frames)
            return true
        }
    }

    // MARK: Opening and closing by the owner

    /// Takes a number and appends channel.open; the lane is in place before the answer can come (C52, C62).
    package func openChannel(mailbox: Mailbox, incarnation: UInt64) throws(AMQPError) -> Lane {
        try self.monitor.withLock { state throws(AMQPError) in
            let (number, lane) = try state.channels.open(incarnation) { number, isReused in
                Lane(number: number, incarnation: incarnation, mailbox: mailbox, isReused: isReused)
            }
            Self.encode(ChannelOpen(), number, &state)
            return lane
        }
    }

    /// Shuts the door and appends channel.close; the number stays taken until close-ok (C33, C40).
    ///
    /// - Returns: false if the channel had ended already.
    func closeChannel(_ number: UInt16, _ incarnation: UInt64, code: ReplyCode, text: String) -> Bool {
        self.closeChannel(number, incarnation, code: code, reason: .ended(.channel(number), text))
    }

    /// - Parameters:
    ///   - number: The channel.
    ///   - incarnation: The channel's.
    ///   - code: For the broker.
    ///   - reason: Its text, at most 255 octets, is for the broker too; later calls throw it.
    /// - Returns: false if the channel had ended already.
    func closeChannel(_ number: UInt16, _ incarnation: UInt64, code: ReplyCode, reason: AMQPError) -> Bool {
        self.monitor.withLock { state in
            guard state.channels.close(number, incarnation, reason) else { return false }
            let start = state.pending.count
            Self.encode(
                ChannelClose(replyCode: code, replyText: reason.text, classID: 0, methodID: 0),
                number,
                &state
            )
            state.closes.append(QueuedClose(number: number, octets: start..<state.pending.count))
            return true
        }
    }

    static func encode(_ method: some AMQPMethod, _ number: UInt16, _ state: inout State) {
        let mark = state.pending.count
        do throws(WireError) {
            try state.pending.appendMethodFrame(method, channel: number, frameMax: state.frameMax)
        } catch {
            state.pending.truncate(to: mark)  // methods of fixed small size: they always fit
        }
    }

    // MARK: What the reader reports

    /// Whether somebody waits for an answer of the broker.
    ///
    /// A look at every number.
    var hasRequests: Bool { self.monitor.withLock { $0.channels.hasRequests } }

    func replyReceived(_ number: UInt16, _ id: MethodID) -> ChannelTable<Lane>.ReplyAction {
        let action = self.monitor.withLock { $0.channels.replyReceived(number, id) }
        if action == .take { self.monitor.broadcast() }
        return action
    }

    /// The lane to which frames of this number go; nil if it is not in use (C42).
    func lane(_ number: UInt16) -> Lane? { self.monitor.withLock { $0.channels.owner(number) } }

    func openOkReceived(_ number: UInt16) -> ChannelLife.OpenOkReceivedAction {
        self.monitor.withLock { $0.channels.openOkReceived(number) }
    }

    /// Answers the broker's channel.close under the same lock that shuts the door: nothing can follow it (C35, C36).
    ///
    /// - Parameters:
    ///   - number: The channel.
    ///   - error: What the broker says.
    ///   - now: The time, in nanoseconds.
    /// - Returns: The lane whose owner is to be told, if this ended the channel.
    func closeReceived(_ number: UInt16, _ error: AMQPError, now: UInt64) -> Lane? {
        defer { self.monitor.broadcast() }  // for who waits for an answer that does not come
        return self.monitor.withLock { state in
            let unsent = state.closes.lastIndex { $0.number == number }
            switch state.channels.closeReceived(number, error, oursIsUnsent: unsent != nil, now: now) {
            case .takeBackAndEnd(let lane):
                if let unsent { Self.takeBack(unsent, &state) }
                Self.encode(ChannelCloseOk(), number, &state)
                return lane
            case .answerAndEnd(let lane):
                Self.encode(ChannelCloseOk(), number, &state)
                return lane
            case .answer:
                Self.encode(ChannelCloseOk(), number, &state)
                return nil
            case .ignore: return nil
            }
        }
    }

    /// Takes a close of ours out of what is pending.
    private static func takeBack(_ place: Int, _ state: inout State) {
        let octets = state.closes.remove(at: place).octets
        state.pending.removeSubrange(octets)
        for later in state.closes.indices.dropFirst(place) {
            let start = state.closes[later].octets.lowerBound - octets.count
            state.closes[later].octets = start..<start + state.closes[later].octets.count
        }
    }

    func closeOkReceived(_ number: UInt16) -> ChannelTable<Lane>.CloseOkAction {
        defer { self.monitor.broadcast() }
        return self.monitor.withLock { $0.channels.closeOkReceived(number) }
    }

    /// Gives up waiting for each close-ok that is overdue, and frees its number.
    ///
    /// - Parameter now: The time, in nanoseconds.
    /// - Returns: The lanes whose owners are to be told, and what the broker said.
    func freeOverdue(now: UInt64) -> [(owner: Lane, error: AMQPError)] {
        self.monitor.withLock { $0.channels.freeOverdue(now: now) }
    }

    /// The broker pauses or resumes contents on one channel (C65): answered here, so that nothing slips between.
    ///
    /// - Returns: false if the peer asks for more answers than it reads.
    func flowReceived(_ number: UInt16, active: Bool) -> Bool {
        let lanes: [Lane]? = self.monitor.withLock { state in
            guard state.channels.flowReceived(number, active: active) else { return [] }
            state.flowAnswers = state.pending.isEmpty ? 1 : state.flowAnswers + 1
            guard state.flowAnswers <= Self.flowAnswerLimit else { return nil }
            Self.encode(ChannelFlowOk(active: active), number, &state)
            return Self.takeWritable(&state, self.highWater)
        }
        Self.tell(lanes ?? [])
        return lanes != nil
    }

    /// Answers to channel.flow that may wait to be read.
    private static let flowAnswerLimit = 100_000

    // MARK: The end

    /// Shuts every door and appends the connection's last words, in one step: no frame of a channel can follow them.
    ///
    /// Every channel's owner gets the reason, later callers too (C41, C44).
    func shut(_ error: AMQPError, lastWords: (inout WireBuffer) -> Void = { _ in }) {
        let lanes: [Lane] = self.monitor.withLock { state in
            guard let lanes = state.channels.end(error) else { return [] }
            lastWords(&state.pending)
            return lanes
        }
        self.monitor.broadcast()  // for who waits for an answer that does not come
        for lane in lanes {
            lane.ackLine.end()
            lane.mailbox.put(lane.incarnation, event: .closed(error))
        }
    }

    /// The socket goes.
    ///
    /// - Returns: Whether another thread is writing: then it has the last words still to send.
    func connectionEnded(_ error: AMQPError) -> Bool {
        self.shut(error)
        return self.monitor.withLock { state in
            if !state.flushing { state.pending.removeAll() }
            return state.flushing
        }
    }
}
