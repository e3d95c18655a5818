/// Messages that came back and that nobody has looked at yet: the last ones, within bounds.
struct ReturnedMessages {
    private(set) var messages: [ReturnedMessage] = []
    private var bytes = 0

    /// Messages; the older half goes when there are more.
    static let countLimit = 4096
    /// Octets of their headers and bodies, likewise.
    static let byteLimit = 16 << 20

    mutating func append(_ message: ReturnedMessage) {
        self.messages.append(message)
        self.bytes += message.heldBytes
        while self.messages.count > 1, self.messages.count > Self.countLimit || self.bytes > Self.byteLimit {
            let older = self.messages.count / 2
            for message in self.messages[..<older] { self.bytes -= message.heldBytes }
            self.messages.removeFirst(older)
        }
    }

    /// Hands out and forgets them.
    mutating func take() -> [ReturnedMessage] {
        defer { self = ReturnedMessages() }
        return self.messages
    }
}
