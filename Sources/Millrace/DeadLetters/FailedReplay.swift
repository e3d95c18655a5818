public import AMQPClient
import AMQPWire

/// What became of messages that were to be tried again.
public struct FailedReplay: Sendable {
    /// A message that stays where it is.
    public struct Refusal: Sendable, Equatable {
        /// Its ``FailedMessage/id``.
        public let id: String
        /// For people.
        public let reason: String
    }

    /// How many went: their copies are confirmed, and they are gone from the dead-letter queue.
    public internal(set) var sent = 0
    /// Those that stay.
    public internal(set) var refused: [Refusal] = []
}

/// The channel or the connection ended while messages were tried again: nothing is lost, and some may be there twice.
public struct FailedReplayError: Error, CustomStringConvertible {
    /// What was done before.
    public let done: FailedReplay
    /// The ids of messages whose copies may have gone, and which may still be in the dead-letter queue.
    public let inDoubt: [String]
    /// Why it ended.
    public let cause: AMQPError

    /// For people, in one line.
    public var description: String {
        let doubt =
            self.inDoubt.isEmpty
            ? "" : "; these may have gone and still be dead letters too: \(self.inDoubt.joined(separator: ", "))"
        return PlainText.line("\(self.cause); \(Plural.of(self.done.sent, "was", "were")) sent before\(doubt)")
    }
}
