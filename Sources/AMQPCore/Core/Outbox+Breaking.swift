import AMQPWire

/// The end of a channel in two steps, for somebody who is not its owner.
extension Outbox {
    /// Shuts the channel's door for its owner, and appends `basic.cancel`.
    ///
    /// - Parameters:
    ///   - number: The channel.
    ///   - incarnation: The channel's.
    ///   - consumerTag: The consumer's.
    ///   - reason: The owner's calls throw it from now on.
    /// - Returns: false if the channel has ended, or its owner waits for an answer: then nothing is appended.
    func shutDoor(
        _ number: UInt16,
        _ incarnation: UInt64,
        cancelling consumerTag: String,
        _ reason: AMQPError
    ) -> Bool {
        self.monitor.withLock { state in
            guard state.channels.shut(number, incarnation, expecting: .basicCancelOk, reason) else { return false }
            Self.encode(BasicCancel(consumerTag: consumerTag), number, &state)
            return true
        }
    }

    /// Appends `basic.cancel` for another consumer of a channel whose door is shut.
    ///
    /// - Returns: false if the channel has ended, or an answer is still to come: then nothing is appended.
    func cancelToo(_ number: UInt16, _ incarnation: UInt64, _ consumerTag: String) -> Bool {
        self.monitor.withLock { state in
            guard state.channels.askAgain(number, incarnation, expecting: .basicCancelOk) else { return false }
            Self.encode(BasicCancel(consumerTag: consumerTag), number, &state)
            return true
        }
    }

    /// Waits for the answer to that, or for the channel's end.
    func awaitCancelled(_ number: UInt16, _ incarnation: UInt64, until deadline: UInt64?) {
        let isOver: Void? = self.monitor.wait(until: deadline) { state in
            state.channels.isAsking(number, incarnation) ? nil : ()
        }
        _ = isOver  // whatever came, the channel ends now
    }
}
