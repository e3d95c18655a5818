/// A message that the broker has confirmed.
public struct PublishReceipt: Sendable, Equatable {
    /// Its `message-id`, given or made up.
    public let messageID: String
    /// How often it was sent; its queue has it at most so often.
    ///
    /// More than once after a connection that ended before its answer.
    public let sendings: Int

    /// A receipt, for a test of one's own.
    public init(messageID: String, sendings: Int = 1) {
        self.messageID = messageID
        self.sendings = sendings
    }
}
