/// The life of one channel number (AMQP 0-9-1 §1.5, C31-C42), as a value: events in, actions out.
///
/// An answer counts as given when it is appended to the outbox, since nothing can overtake it there.
package struct ChannelLife: Equatable, Sendable {
    /// A close of ours under way: the number is free when their close-ok comes, and theirs, if it came, is answered (C40).
    package struct Closing: Equatable, Sendable {
        /// Theirs came and was answered: RabbitMQ repeats channel.close until it is (C38).
        var answered = false
        /// We closed before open-ok: until that comes, a close of theirs is the last life's (C37).
        var awaitsOpenOk = false
    }

    package enum State: Equatable, Sendable { case free, opening, open, closing(Closing) }
    package private(set) var state: State
    /// A close-ok of an earlier life of the number was given up, and may still come.
    private var owedCloseOk = false

    package init(state: State = .free) { self.state = state }

    /// Whether a method or a content may be appended now: the channel's door.
    package var isOpen: Bool { self.state == .open }

    package enum OpenAction: Equatable, Sendable { case sendOpen, taken }
    package mutating func open() -> OpenAction {
        guard case .free = self.state else { return .taken }
        self.state = .opening
        return .sendOpen
    }

    package enum OpenOkReceivedAction: Equatable, Sendable { case opened, ignore, unexpected }
    package mutating func openOkReceived() -> OpenOkReceivedAction {
        switch self.state {
        case .opening:
            self.state = .open
            return .opened
        case .closing(var closing):  // we gave up waiting for it (C63)
            closing.awaitsOpenOk = false
            self.state = .closing(closing)
            return .ignore
        case .free, .open: return .unexpected
        }
    }

    package enum CloseReceivedAction: Equatable, Sendable {
        case answerAndFree  // theirs alone: our close-ok is the last word
        case answerAndWait  // the closes crossed: answer, then go on waiting for theirs (C39)
        case takeBackAndFree  // ours has not left: theirs stands alone once ours is taken back (C39)
        case ignore  // a repeat (C38), a leftover of the number's last life (C37), a number not in use (C42)
    }
    /// The broker closes; `oursIsUnsent` when our own channel.close is queued and no octet of it is on its way.
    package mutating func closeReceived(oursIsUnsent: Bool = false) -> CloseReceivedAction {
        switch self.state {
        case .open:
            self.state = .free
            return .answerAndFree
        case .closing(let closing) where oursIsUnsent && !closing.answered && !closing.awaitsOpenOk:
            self.state = .free
            return .takeBackAndFree
        case .closing(var closing) where !closing.answered && !closing.awaitsOpenOk:
            closing.answered = true
            self.state = .closing(closing)
            return .answerAndWait
        case .opening, .closing, .free:
            return .ignore  // an answer here would be a stray close-ok, and that ends the connection
        }
    }

    package enum CloseAction: Equatable, Sendable { case sendClose, notOpen }
    /// We close.
    ///
    /// Also from `opening`, when the wait for open-ok ends early.
    package mutating func close() -> CloseAction {
        switch self.state {
        case .open, .opening:
            self.state = .closing(Closing(awaitsOpenOk: self.state == .opening))
            return .sendClose
        case .closing, .free: return .notOpen
        }
    }

    package enum CloseOkReceivedAction: Equatable, Sendable { case free, ignore, unexpected }
    package mutating func closeOkReceived() -> CloseOkReceivedAction {
        if case .closing(let closing) = self.state, !(self.owedCloseOk && closing.awaitsOpenOk) {
            self.state = .free
            return .free
        }
        defer { self.owedCloseOk = false }
        return self.owedCloseOk ? .ignore : .unexpected
    }

    package enum CloseOkMissedAction: Equatable, Sendable { case free, ignore }
    /// Their close-ok has not come for long after the closes crossed.
    ///
    /// RabbitMQ ends a channel at our close-ok, and at times the process that was to write its own with it. The number
    /// is free there: our close-ok was the last word on it.
    package mutating func closeOkMissed() -> CloseOkMissedAction {
        guard case .closing(let closing) = self.state, closing.answered else { return .ignore }
        self.state = .free
        self.owedCloseOk = true
        return .free
    }
}
