import AMQPClient
import AMQPWire

/// Looks whether a queue is there, on a channel of its own: a no ends that.
struct QueueLook {
    private let channel: Channel
    private let deadline: UInt64

    /// Asks, and waits for nothing but the channel.
    ///
    /// - Parameters:
    ///   - queue: Its name.
    ///   - connection: To open the channel on.
    ///   - mailbox: Gets the answer, and wakes its owner.
    ///   - patience: How long an answer may take.
    /// - Throws: Why no channel is to be had.
    init(
        at queue: String,
        on connection: Connection,
        mailbox: Mailbox,
        patience: Duration
    ) throws(AMQPError) {
        self.channel = try connection.openChannel(
            mailbox: mailbox,
            outwaitsBlocks: false,
            timeout: patience,
            reads: false
        )
        self.deadline = MonotonicClock.now() &+ patience.nanoseconds
        try self.channel.startRequest(QueueDeclare(queue: queue, passive: true), expecting: .queueDeclareOk)
    }

    /// Nil while there is no answer.
    var answer: Result<Void, AMQPError>? {
        self.channel.pump(until: 0)
        if case .reply(.queueDeclareOk)? = self.channel.takeReply() {
            _ = self.channel.startClose()
            return .success(())
        }
        if let reason = self.channel.endReason { return .failure(reason) }
        guard MonotonicClock.now() >= self.deadline else { return nil }
        return .failure(AMQPError(.timeout, scope: .call, text: "the broker gives no answer"))
    }

    var wake: UInt64 { self.deadline }
}
