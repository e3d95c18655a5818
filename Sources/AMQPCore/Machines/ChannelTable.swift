package import AMQPWire

/// The channels of one connection: their numbers and their doors, as a value (AMQP 0-9-1 §1.5, C31-C42).
///
/// Whoever has it asks under one lock, and appends what it says under the same: "is it open?", the frame and the change of
/// state are one step. What a channel's owner is, it does not know.
package struct ChannelTable<Owner> {
    /// What it knows of one number.
    private struct Slot {
        var life = ChannelLife()
        var request = RPCSlot()
        /// Counts every channel that this process ever opened; 0 is none.
        var incarnation: UInt64 = 0
        /// The broker asked for a pause of contents (C65).
        var isPaused = false
        /// A publisher waits for room.
        var wantsRoom = false
        var owner: Owner?
        /// Somebody else ends it: its owner sends nothing more.
        var isShut = false
        /// Why the last life ended, for a caller that comes later.
        var endReason: AMQPError?
    }

    /// A channel whose close crossed the broker's, and until when its close-ok may come.
    private struct CrossedClose {
        let number: UInt16
        let incarnation: UInt64
        let deadline: UInt64
    }

    private var numbers: ChannelNumbers
    private var slots: ContiguousArray<Slot> = []
    /// In the order of their deadlines.
    private var crossed: [CrossedClose] = []
    /// Whether some slot may want to be told of room.
    private var hasWaiters = false
    /// Why nothing is taken in any more.
    package private(set) var end: AMQPError?

    /// How long after the closes crossed a close-ok may come, in nanoseconds.
    private static var closeOkPatience: UInt64 { 5_000_000_000 }

    /// - Parameter limit: The highest number.
    package init(limit: Int) { self.numbers = ChannelNumbers(limit: limit) }

    /// Sets the agreed limit, before any channel is opened.
    package mutating func setLimit(_ limit: Int) { self.numbers = ChannelNumbers(limit: limit) }

    private func slot(_ number: UInt16) -> Int? { Int(number) < self.slots.count ? Int(number) : nil }

    private func slot(_ number: UInt16, _ incarnation: UInt64) -> Int? {
        guard self.end == nil, Int(number) < self.slots.count, self.slots[Int(number)].incarnation == incarnation
        else { return nil }
        return Int(number)
    }

    // MARK: The door

    /// Whether its owner may append now.
    package func isOpen(_ number: UInt16, _ incarnation: UInt64) -> Bool {
        guard let slot = self.slot(number, incarnation) else { return false }
        return self.slots[slot].life.isOpen && !self.slots[slot].isShut
    }

    /// - Throws: Why its owner may append nothing any more.
    package func throwUnlessOpen(_ number: UInt16, _ incarnation: UInt64) throws(AMQPError) {
        if self.isOpen(number, incarnation) { return }
        if let end = self.end { throw end }
        guard let slot = self.slot(number, incarnation) else {
            throw AMQPError(.notOpen, scope: .channel(number), text: "the channel was closed")
        }
        throw self.slots[slot].endReason
            ?? AMQPError(.notOpen, scope: .channel(number), text: "the channel is not open")
    }

    /// A request of an open channel goes out; one of these is its answer.
    package mutating func asked(_ number: UInt16, expecting reply: MethodID, or other: MethodID?) {
        self.slots[Int(number)].request.expect(reply, or: other)
    }

    /// Whether somebody waits for an answer of the broker.
    ///
    /// A look at every number.
    package var hasRequests: Bool { self.slots.contains { $0.owner != nil && $0.request.isWaiting } }

    // MARK: Room for publishers

    /// Whether the broker pauses the contents of an open channel (C65).
    package func isPaused(_ number: UInt16) -> Bool { self.slots[Int(number)].isPaused }

    /// An open channel waits for room.
    package mutating func wantsRoom(_ number: UInt16) {
        self.slots[Int(number)].wantsRoom = true
        self.hasWaiters = true
    }

    /// There is room.
    ///
    /// - Returns: Who has waited for it, but those whose contents are paused: they wait on.
    package mutating func takeWaiters() -> [Owner] {
        guard self.hasWaiters else { return [] }
        self.hasWaiters = false
        var owners: [Owner] = []
        for slot in self.slots.indices where self.slots[slot].wantsRoom {
            if self.slots[slot].isPaused {
                self.hasWaiters = true
                continue
            }
            self.slots[slot].wantsRoom = false
            if let owner = self.slots[slot].owner { owners.append(owner) }
        }
        return owners
    }

    // MARK: Opening and closing by the owner

    /// Takes a number; the owner is in place before the answer can come (C52, C62).
    ///
    /// - Parameters:
    ///   - incarnation: The channel's.
    ///   - owner: Made for its number, and whether another channel had that before.
    /// - Returns: The owner: channel.open goes out next.
    /// - Throws: `.channelsExhausted`; why the connection ended.
    package mutating func open(
        _ incarnation: UInt64,
        _ owner: (_ number: UInt16, _ isReused: Bool) -> Owner
    ) throws(AMQPError) -> (number: UInt16, owner: Owner) {
        if let end = self.end { throw end }
        guard let number = self.numbers.take() else {
            let text = "all \(self.numbers.limit) channels that the server allows are open"
            throw AMQPError(.channelsExhausted, scope: .call, text: text, method: .channelOpen)
        }
        while self.slots.count <= Int(number) { self.slots.append(Slot()) }
        let last = self.slots[Int(number)]
        var slot = Slot(life: last.life, incarnation: incarnation)
        let made = owner(number, last.incarnation != 0)
        slot.owner = made
        _ = slot.life.open()
        slot.request.expect(.channelOpenOk)
        self.slots[Int(number)] = slot
        return (number, made)
    }

    /// Shuts the door; the number stays taken until close-ok (C33, C40).
    ///
    /// - Parameters:
    ///   - number: The channel.
    ///   - incarnation: The channel's.
    ///   - reason: Later calls throw it.
    /// - Returns: Whether channel.close goes out next; false if the channel had ended already.
    package mutating func close(_ number: UInt16, _ incarnation: UInt64, _ reason: AMQPError) -> Bool {
        guard let slot = self.slot(number, incarnation), self.slots[slot].life.close() == .sendClose else {
            return false
        }
        self.slots[slot].request.reset()
        self.slots[slot].request.expect(.channelCloseOk)
        self.slots[slot].endReason = reason
        return true
    }

    /// Shuts the door for the owner, for somebody else who asks one thing more before the close.
    ///
    /// - Parameters:
    ///   - number: The channel.
    ///   - incarnation: The channel's.
    ///   - reply: What answers that.
    ///   - reason: The owner's calls throw it from now on.
    /// - Returns: false if the channel has ended, or its owner waits for an answer: then nothing has changed.
    package mutating func shut(
        _ number: UInt16,
        _ incarnation: UInt64,
        expecting reply: MethodID,
        _ reason: AMQPError
    ) -> Bool {
        guard let slot = self.slot(number, incarnation), self.slots[slot].life.isOpen, !self.slots[slot].isShut,
            !self.slots[slot].request.isWaiting
        else { return false }
        self.slots[slot].isShut = true
        self.slots[slot].endReason = reason
        self.slots[slot].request.expect(reply)
        return true
    }

    /// The same again on a channel that is shut: one question after the other.
    ///
    /// - Returns: false if the channel has ended, or an answer is still to come.
    package mutating func askAgain(_ number: UInt16, _ incarnation: UInt64, expecting reply: MethodID) -> Bool {
        guard let slot = self.slot(number, incarnation), self.slots[slot].life.isOpen, self.slots[slot].isShut,
            !self.slots[slot].request.isWaiting
        else { return false }
        self.slots[slot].request.expect(reply)
        return true
    }

    /// Whether an answer to an open channel is still to come.
    package func isAsking(_ number: UInt16, _ incarnation: UInt64) -> Bool {
        guard let slot = self.slot(number, incarnation) else { return false }
        return self.slots[slot].life.isOpen && self.slots[slot].request.isWaiting
    }

    // MARK: What the broker sends

    /// To whom frames of this number go; nil if it is not in use (C42).
    package func owner(_ number: UInt16) -> Owner? {
        guard let slot = self.slot(number), self.slots[slot].life.state != .free else { return nil }
        return self.slots[slot].owner
    }

    package mutating func openOkReceived(_ number: UInt16) -> ChannelLife.OpenOkReceivedAction {
        guard let slot = self.slot(number) else { return .unexpected }
        let action = self.slots[slot].life.openOkReceived()
        if action == .opened { _ = self.slots[slot].request.replyReceived(.channelOpenOk) }
        return action
    }

    package enum ReplyAction: Equatable, Sendable {
        case deliver
        /// Of a channel that is closed here (C34).
        case ignore
        /// For who has shut the door, and waits.
        case take
        /// Nobody waits for it.
        case unexpected
    }

    package mutating func replyReceived(_ number: UInt16, _ id: MethodID) -> ReplyAction {
        guard let slot = self.slot(number), self.slots[slot].life.isOpen else { return .ignore }
        guard self.slots[slot].request.replyReceived(id) == .deliver else { return .unexpected }
        return self.slots[slot].isShut ? .take : .deliver
    }

    package enum CloseAction {
        /// close-ok goes out; the channel is over.
        case answerAndEnd(Owner?)
        /// Ours is taken back, and close-ok goes out in its place; the channel is over.
        case takeBackAndEnd(Owner?)
        /// close-ok goes out; theirs is to come.
        case answer
        case ignore
    }

    /// The broker closes a channel.
    ///
    /// - Parameters:
    ///   - number: The channel.
    ///   - error: What it says.
    ///   - oursIsUnsent: Whether our own channel.close is queued, and no octet of it is on its way.
    ///   - now: The time, in nanoseconds.
    /// - Returns: What goes out, under the same lock: nothing can follow it (C35, C36).
    package mutating func closeReceived(
        _ number: UInt16,
        _ error: AMQPError,
        oursIsUnsent: Bool,
        now: UInt64
    ) -> CloseAction {
        guard let slot = self.slot(number) else { return .ignore }
        switch self.slots[slot].life.closeReceived(oursIsUnsent: oursIsUnsent) {
        case .ignore: return .ignore
        case .takeBackAndFree:
            self.slots[slot].endReason = error
            return .takeBackAndEnd(self.free(number))
        case .answerAndFree:
            self.slots[slot].endReason = error
            return .answerAndEnd(self.free(number))
        case .answerAndWait:
            self.slots[slot].endReason = error
            let deadline = now &+ Self.closeOkPatience
            let incarnation = self.slots[slot].incarnation
            self.crossed.append(CrossedClose(number: number, incarnation: incarnation, deadline: deadline))
            return .answer
        }
    }

    package enum CloseOkAction { case closed(Owner?), ignore, unexpected }

    package mutating func closeOkReceived(_ number: UInt16) -> CloseOkAction {
        guard let slot = self.slot(number) else { return .unexpected }
        return switch self.slots[slot].life.closeOkReceived() {
        case .free: .closed(self.free(number))
        case .ignore: .ignore
        case .unexpected: .unexpected
        }
    }

    /// Gives up waiting for each close-ok that is overdue, and frees its number.
    ///
    /// - Parameter now: The time, in nanoseconds.
    /// - Returns: The owners that are to be told, and what the broker said.
    package mutating func freeOverdue(now: UInt64) -> [(owner: Owner, error: AMQPError)] {
        guard let first = self.crossed.first, first.deadline <= now else { return [] }
        let overdue = self.crossed.prefix { $0.deadline <= now }
        self.crossed.removeFirst(overdue.count)
        var ended: [(owner: Owner, error: AMQPError)] = []
        for crossed in overdue {
            guard let slot = self.slot(crossed.number), self.slots[slot].incarnation == crossed.incarnation,
                self.slots[slot].life.closeOkMissed() == .free, let error = self.slots[slot].endReason,
                let owner = self.free(crossed.number)
            else { continue }
            ended.append((owner, error))
        }
        return ended
    }

    /// The broker pauses or resumes the contents of a channel (C65).
    ///
    /// - Returns: Whether flow-ok goes out next; false if the channel is not open.
    package mutating func flowReceived(_ number: UInt16, active: Bool) -> Bool {
        guard let slot = self.slot(number), self.slots[slot].life.isOpen else { return false }
        self.slots[slot].isPaused = !active
        return true
    }

    /// The number can be taken again.
    ///
    /// - Returns: Its owner until now.
    private mutating func free(_ number: UInt16) -> Owner? {
        let owner = self.slots[Int(number)].owner
        self.slots[Int(number)].owner = nil
        self.slots[Int(number)].request.reset()
        self.numbers.free(number)
        return owner
    }

    // MARK: The end

    /// Shuts every door (C41, C44).
    ///
    /// - Parameter error: Every owner gets it, later callers too.
    /// - Returns: The owners of the channels that were not free; nil if that is so already.
    package mutating func end(_ error: AMQPError) -> [Owner]? {
        guard self.end == nil else { return nil }
        self.end = error
        defer { self.slots.removeAll() }
        return self.slots.compactMap(\.owner)
    }
}
