/// The life of one channel number (AMQP 0-9-1 §1.5, C31-C42), as a value: events in, actions out.
///
/// An answer counts as given when it is appended to the outbox, since nothing can overtake it there.
package struct ChannelLife: Equatable, Sendable {
    /// A close under way; the number is free when both debts are paid (C40).
    package struct Closing: Equatable, Sendable {
        /// Ours is queued, their close-ok has not come yet.
        var awaitsCloseOk: Bool
        /// Theirs came and was answered: RabbitMQ repeats channel.close until it is (C38).
        var answered = false
        /// We closed before open-ok: until that comes, a close of theirs is the last life's (C37).
        var awaitsOpenOk = false
    }

    package enum State: Equatable, Sendable { case free, opening, open, closing(Closing) }
    package private(set) var state: State

    package init(state: State = .free) { self.state = state }

    /// Whether a method or a content may be appended now: the door of DESIGN §3.
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
        case ignore  // a repeat (C38), a leftover of the number's last life (C37), a number not in use (C42)
    }
    package mutating func closeReceived() -> CloseReceivedAction {
        switch self.state {
        case .open:
            self.state = .free
            return .answerAndFree
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
            self.state = .closing(Closing(awaitsCloseOk: true, awaitsOpenOk: self.state == .opening))
            return .sendClose
        case .closing, .free: return .notOpen
        }
    }

    package enum CloseOkReceivedAction: Equatable, Sendable { case free, unexpected }
    package mutating func closeOkReceived() -> CloseOkReceivedAction {
        guard case .closing(let closing) = self.state, closing.awaitsCloseOk else { return .unexpected }
        self.state = .free
        return .free
    }
}
