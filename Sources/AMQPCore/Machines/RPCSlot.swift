package import AMQPWire

/// The one outstanding request of a channel and the replies that may answer it (C59, C62).
package struct RPCSlot: Equatable, Sendable {
    private var first: MethodID?
    private var second: MethodID?

    package init() {}

    package var isWaiting: Bool { self.first != nil }

    /// Registers the request, before its frame is appended.
    ///
    /// A channel has one owner, so a second is its own mistake.
    package mutating func expect(_ reply: MethodID, or other: MethodID? = nil) {
        precondition(self.first == nil, "a request is already waiting on this channel")
        self.first = reply
        self.second = other
    }

    package enum ReplyReceivedAction: Equatable, Sendable { case deliver, unexpected }
    package mutating func replyReceived(_ id: MethodID) -> ReplyReceivedAction {
        guard self.first != nil, id == self.first || id == self.second else { return .unexpected }
        self.reset()
        return .deliver
    }

    package mutating func reset() {
        self.first = nil
        self.second = nil
    }
}
