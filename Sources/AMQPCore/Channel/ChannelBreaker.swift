import AMQPWire

/// Ends a channel from any thread, for an owner that is stuck in somebody else's code.
///
/// It touches what is shared alone: the door, the ack line, the mailbox. The owner finds its channel ended.
package struct ChannelBreaker: Sendable {
    private let lane: Lane
    private let outbox: Outbox

    init(_ channel: Channel) {
        self.lane = channel.lane
        self.outbox = channel.outbox
    }

    /// Acks a delivery in the owner's place, before the end of the channel, which sends it.
    ///
    /// - Returns: false if it is not outstanding: its owner was first.
    package func ack(_ tag: UInt64) -> Bool { self.lane.ackLine.ack(tag) }

    /// Ends its consumers first, and waits a moment for the answers: each says that the acks before it are written down.
    ///
    /// A RabbitMQ quorum queue forgets some of those that are not when their channel ends, and gives their messages out
    /// again. From here on nothing that the owner asks or settles is sent.
    ///
    /// - Parameters:
    ///   - reason: For the broker's log, at most 255 octets; the owner's calls throw it.
    ///   - consumerTags: Of the consumers that the acks are for; one at least.
    ///   - deadline: How long the broker may take to write down what was acked, in nanoseconds of the monotonic clock.
    /// - Returns: false if the channel had ended already.
    @discardableResult
    package func endChannel(_ reason: String, cancelling consumerTags: [String], until deadline: UInt64) -> Bool {
        let (number, incarnation) = (self.lane.number, self.lane.incarnation)
        self.sendAcks()
        let error = AMQPError.ended(.channel(number), reason)
        if !self.outbox.isBlocked, let first = consumerTags.first,
            self.outbox.shutDoor(number, incarnation, cancelling: first, error)
        {
            self.outbox.flush()
            self.outbox.awaitCancelled(number, incarnation, until: deadline)
            for other in consumerTags.dropFirst() {
                guard self.outbox.cancelToo(number, incarnation, other) else { break }
                self.outbox.flush()
                self.outbox.awaitCancelled(number, incarnation, until: deadline)
            }
        }
        return self.endChannel(reason)
    }

    private func sendAcks() {
        let (number, incarnation) = (self.lane.number, self.lane.incarnation)
        self.lane.ackLine.sendFrames(byOwner: false) { frames in
            self.outbox.appendFrames(number, incarnation, frames)
        }
    }

    /// Sends the acks that were given, then channel.close: the broker gives out again what is not settled (C33, C40).
    ///
    /// A content is appended as a whole, so the close stands before or after one and never in it. What the broker still
    /// sends on the number is dropped, so that nothing waits for an owner that does not come.
    ///
    /// - Parameter reason: For the broker's log, at most 255 octets; the owner's calls throw it.
    /// - Returns: false if the channel had ended already.
    @discardableResult
    package func endChannel(_ reason: String) -> Bool {
        let (number, incarnation) = (self.lane.number, self.lane.incarnation)
        self.sendAcks()
        let isOurs = self.outbox.closeChannel(number, incarnation, code: .replySuccess, text: reason)
        self.outbox.flush()
        self.lane.ackLine.end()
        self.lane.mailbox.cutOff(incarnation, .ended(.channel(number), reason))
        return isOurs
    }
}

extension Channel {
    /// The way to end this channel from another thread.
    package var breaker: ChannelBreaker { ChannelBreaker(self) }
}
