import AMQPWire

/// What the broker has said about the publishes of a channel and its owner has not taken in yet; from any thread, for one
/// whose owner is stuck in somebody else's code.
package struct UnreadAnswers: Sendable {
    package enum Answer: Equatable, Sendable {
        case confirm(tag: UInt64, multiple: Bool, positive: Bool)
        /// A mandatory publish came back; nil if nobody knows which.
        case returned(UInt64?)
        /// commit-ok: everything that was published before the commit.
        case committed
    }

    private let mailbox: Mailbox

    /// The answers to this channel, whose mailbox is its own.
    package init(_ channel: Channel) { self.mailbox = channel.lane.mailbox }

    /// In the order in which they came; they stay where they are.
    package func look() -> [Answer] { self.mailbox.unreadEvents.compactMap(Self.answer) }

    private static func answer(_ event: ChannelEvent) -> Answer? {
        switch event {
        case .confirm(let tag, let multiple, let positive):
            return .confirm(tag: tag, multiple: multiple, positive: positive)
        case .returned(let block, let record):
            return .returned(ReturnedMessage(block: block, record: record)?.sequence)
        case .reply(let method):
            if case .txCommitOk = method { return .committed }
            return nil
        case .got, .requeued, .cancelled, .writable, .closed: return nil
        }
    }
}
