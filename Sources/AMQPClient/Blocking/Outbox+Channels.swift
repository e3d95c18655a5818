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
            let index = try Self.openSlot(&state, number, incarnation)
            let mark = state.pending.count
            do throws(WireError) {
                try body(&state.pending, state.frameMax)
            } catch {
                state.pending.truncate(to: mark)
                throw AMQPError(.refusedLocally, scope: .call, text: error.message)
            }
            if let reply { state.slots[index].rpc.expect(reply, or: other) }
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
            let index = try Self.openSlot(&state, number, incarnation)
            guard Self.hasRoom(state, index, self.highWater) else {
                state.slots[index].wantsWritable = true
                state.hasWaiters = true
                return .wait
            }
            let mark = state.pending.count
            do throws(WireError) {
                try body(&state.pending, state.frameMax)
            } catch {
                state.pending.truncate(to: mark)
                throw AMQPError(.refusedLocally, scope: .call, text: error.message)
            }
            return .appended
        }
    }

    private static func hasRoom(_ state: borrowing State, _ index: Int, _ highWater: Int) -> Bool {
        !state.isBlocked && !state.slots[index].flowPaused && state.queuedBytes <= highWater
    }

    /// Whether a publish would be appended now; true also on a dead channel, where it fails at once.
    func canPublish(_ number: UInt16, _ incarnation: UInt64) -> Bool {
        self.monitor.withLock { state in
            guard let index = try? Self.openSlot(&state, number, incarnation) else { return true }
            return Self.hasRoom(state, index, self.highWater)
        }
    }

    /// Appends ready frames of a channel; drops them if the channel is gone: its acks mean nothing any more (C54).
    func appendFrames(_ number: UInt16, _ incarnation: UInt64, _ frames: borrowing WireBuffer) -> Bool {
        self.monitor.withLock { state in
            guard state.end == nil, Int(number) < state.slots.count,
                state.slots[Int(number)].incarnation == incarnation, state.slots[Int(number)].life.isOpen
            else { return false }
            state.pending.append(frames)
            return true
        }
    }

    private static func openSlot(
        _ state: inout State,
        _ number: UInt16,
        _ incarnation: UInt64
    ) throws(AMQPError) -> Int {
        if let end = state.end { throw end }
        let index = Int(number)
        guard index < state.slots.count, state.slots[index].incarnation == incarnation else {
            throw AMQPError(.notOpen, scope: .channel(number), text: "the channel was closed")
        }
        guard state.slots[index].life.isOpen else {
            throw state.slots[index].endReason
                ?? AMQPError(.notOpen, scope: .channel(number), text: "the channel is not open")
        }
        return index
    }

    // MARK: Opening and closing by the owner

    /// Takes a number and appends channel.open; the lane is in place before the answer can come (C52, C62).
    package func openChannel(mailbox: Mailbox, incarnation: UInt64) throws(AMQPError) -> Lane {
        try self.monitor.withLock { state throws(AMQPError) in
            if let end = state.end { throw end }
            guard let number = state.numbers.take() else {
                let text = "all \(state.numbers.limit) channels that the server allows are open"
                throw AMQPError(.channelsExhausted, scope: .call, text: text, method: .channelOpen)
            }
            while state.slots.count <= Int(number) { state.slots.append(ChannelSlot()) }
            let isReused = state.slots[Int(number)].incarnation != 0
            let lane = Lane(number: number, incarnation: incarnation, mailbox: mailbox, isReused: isReused)
            var slot = ChannelSlot()
            slot.incarnation = incarnation
            slot.lane = lane
            slot.life = state.slots[Int(number)].life
            _ = slot.life.open()
            slot.rpc.expect(.channelOpenOk)
            state.slots[Int(number)] = slot
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
            guard state.end == nil, Int(number) < state.slots.count,
                state.slots[Int(number)].incarnation == incarnation,
                state.slots[Int(number)].life.close() == .sendClose
            else { return false }
            state.slots[Int(number)].rpc.reset()
            state.slots[Int(number)].rpc.expect(.channelCloseOk)
            state.slots[Int(number)].endReason = reason
            let start = state.pending.count
            Self.encode(
                ChannelClose(replyCode: code, replyText: reason.text, classID: 0, methodID: 0),
                number,
                &state
            )
            state.slots[Int(number)].close = QueuedFrame(
                buffer: state.bufferNumber,
                octets: start..<state.pending.count
            )
            return true
        }
    }

    private static func encode(_ method: some AMQPMethod, _ number: UInt16, _ state: inout State) {
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
    var hasRequests: Bool {
        self.monitor.withLock { state in state.slots.contains { $0.lane != nil && $0.rpc.isWaiting } }
    }

    enum ReplyAction { case deliver, ignore, unexpected }

    func replyReceived(_ number: UInt16, _ id: MethodID) -> ReplyAction {
        self.monitor.withLock { state in
            guard Int(number) < state.slots.count else { return .ignore }
            guard state.slots[Int(number)].life.isOpen else { return .ignore }  // C34
            return state.slots[Int(number)].rpc.replyReceived(id) == .deliver ? .deliver : .unexpected
        }
    }

    /// The lane to which frames of this number go; nil if it is not in use (C42).
    func lane(_ number: UInt16) -> Lane? {
        self.monitor.withLock { state in
            guard Int(number) < state.slots.count, state.slots[Int(number)].life.state != .free else { return nil }
            return state.slots[Int(number)].lane
        }
    }

    func openOkReceived(_ number: UInt16) -> ChannelLife.OpenOkReceivedAction {
        self.monitor.withLock { state in
            guard Int(number) < state.slots.count else { return .unexpected }
            let action = state.slots[Int(number)].life.openOkReceived()
            if action == .opened { _ = state.slots[Int(number)].rpc.replyReceived(.channelOpenOk) }
            return action
        }
    }

    /// Answers the broker's channel.close under the same lock that shuts the door: nothing can follow (C35, C36).
    ///
    /// - Parameters:
    ///   - number: The channel.
    ///   - error: What the broker says.
    ///   - now: The time, in nanoseconds.
    /// - Returns: The lane whose owner is to be told, if this ended the channel.
    func closeReceived(_ number: UInt16, _ error: AMQPError, now: UInt64) -> Lane? {
        self.monitor.withLock { state in
            guard Int(number) < state.slots.count else { return nil }
            let index = Int(number)
            let unsent = state.slots[index].close.flatMap { $0.buffer == state.bufferNumber ? $0.octets : nil }
            switch state.slots[index].life.closeReceived(oursIsUnsent: unsent != nil) {
            case .takeBackAndFree:
                if let unsent { Self.takeBack(unsent, &state) }
                fallthrough
            case .answerAndFree:
                state.slots[index].endReason = error
                Self.encode(ChannelCloseOk(), number, &state)
                return Self.free(number, &state)
            case .answerAndWait:
                state.slots[index].endReason = error
                Self.encode(ChannelCloseOk(), number, &state)
                let deadline = now &+ Self.closeOkPatience
                let incarnation = state.slots[index].incarnation
                state.crossed.append(CrossedClose(number: number, incarnation: incarnation, deadline: deadline))
                return nil
            case .ignore: return nil
            }
        }
    }

    /// The number can be taken again.
    ///
    /// - Returns: Its lane until now.
    private static func free(_ number: UInt16, _ state: inout State) -> Lane? {
        let lane = state.slots[Int(number)].lane
        state.slots[Int(number)].lane = nil
        state.slots[Int(number)].close = nil
        state.slots[Int(number)].rpc.reset()
        state.numbers.free(number)
        return lane
    }

    /// Takes a close of ours out of what is pending.
    private static func takeBack(_ octets: Range<Int>, _ state: inout State) {
        state.pending.removeSubrange(octets)
        for index in state.slots.indices {
            guard let other = state.slots[index].close, other.buffer == state.bufferNumber,
                other.octets.lowerBound >= octets.upperBound
            else { continue }
            let start = other.octets.lowerBound - octets.count
            state.slots[index].close?.octets = start..<start + other.octets.count
        }
    }

    enum CloseOkAction { case closed(Lane?), ignore, unexpected }

    func closeOkReceived(_ number: UInt16) -> CloseOkAction {
        self.monitor.withLock { state in
            guard Int(number) < state.slots.count else { return .unexpected }
            return switch state.slots[Int(number)].life.closeOkReceived() {
            case .free: .closed(Self.free(number, &state))
            case .ignore: .ignore
            case .unexpected: .unexpected
            }
        }
    }

    /// How long after the closes crossed a close-ok may come, in nanoseconds.
    private static let closeOkPatience: UInt64 = 5_000_000_000

    /// Gives up waiting for each close-ok that is overdue, and frees its number.
    ///
    /// - Parameter now: The time, in nanoseconds.
    /// - Returns: The lanes whose owners are to be told, and what the broker said.
    func freeOverdue(now: UInt64) -> [(lane: Lane, error: AMQPError)] {
        self.monitor.withLock { state in
            guard let first = state.crossed.first, first.deadline <= now else { return [] }
            let overdue = state.crossed.prefix { $0.deadline <= now }
            state.crossed.removeFirst(overdue.count)
            return overdue.compactMap { crossed in
                let index = Int(crossed.number)
                guard index < state.slots.count, state.slots[index].incarnation == crossed.incarnation,
                    state.slots[index].life.closeOkMissed() == .free,
                    let error = state.slots[index].endReason, let lane = Self.free(crossed.number, &state)
                else { return nil }
                return (lane, error)
            }
        }
    }

    /// The broker pauses or resumes contents on one channel (C65): answered here, so that nothing slips between.
    ///
    /// - Returns: false if the peer asks for more answers than it reads.
    func flowReceived(_ number: UInt16, active: Bool) -> Bool {
        let lanes: [Lane]? = self.monitor.withLock { state in
            guard Int(number) < state.slots.count, state.slots[Int(number)].life.isOpen else { return [] }
            state.flowAnswers = state.pending.isEmpty ? 1 : state.flowAnswers + 1
            guard state.flowAnswers <= Self.flowAnswerLimit else { return nil }
            state.slots[Int(number)].flowPaused = !active
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
            guard state.end == nil else { return [] }
            state.end = error
            lastWords(&state.pending)
            defer { state.slots.removeAll() }
            return state.slots.compactMap(\.lane)
        }
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
