package import AMQPWire

/// The unsettled deliveries of one channel and the acks that wait to be sent together.
///
/// Shared by the channel's owner and the connection's tick: an ack held back behind a slow handler goes out with the
/// next tick.
package final class AckLine: Sendable {
    private struct State: ~Copyable {
        var tags = UnsettledTags()
        var frames = WireBuffer(capacity: 4096)
        var batch = 1
        var ownerOnly = false
        /// tx.commit is on its way: what is settled now goes out behind commit-ok.
        var isCommitting = false
        var ended = false
        /// Acks in `frames`.
        var framedAcks = 0
        var unsentAtEnd = 0
        /// Frames made so far, sent or not.
        var frameCount: UInt64 = 0
    }
    private let monitor = Monitor(State(), level: .acks)
    let number: UInt16

    package init(number: UInt16) { self.number = number }

    /// How many acks may wait for one frame; 1 sends a frame for each.
    package func setBatch(_ size: Int) { self.monitor.withLock { $0.batch = max(1, size) } }

    /// The channel is in transaction mode: nobody but the owner may send, and what is settled waits for a commit (C64).
    package func beginTransactions() {
        self.monitor.withLock { state in
            state.ownerOnly = true
            state.tags.beginTransactions()
        }
    }

    /// tx.commit comes next, and nothing is sent until ``committed()`` (C64).
    ///
    /// What is settled so far is settled for good, since a commit that fails ends the channel.
    package func beginCommit() {
        self.monitor.withLock { state in
            state.tags.committed()
            state.isCommitting = true
        }
    }

    /// commit-ok came; what was settled since ``beginCommit()`` waits for the next commit.
    package func committed() { self.monitor.withLock { $0.isCommitting = false } }

    /// Acks since the last commit are undone: the deliveries can be settled again (C64).
    package func rolledBack() { self.monitor.withLock { $0.tags.rolledBack() } }

    /// Registers a batch of deliveries.
    ///
    /// - Returns: false if the broker's tags do not count up.
    package func delivered(_ records: ContiguousArray<ContentRecord>) -> Bool {
        self.monitor.withLock { state in
            for record in records where state.tags.delivered(record.deliveryTag) == .outOfOrder { return false }
            return true
        }
    }

    package var outstanding: Int { self.monitor.withLock { $0.tags.outstanding } }

    /// Acks, nacks and rejects that were made so far, each for one delivery or many.
    package var frameCount: UInt64 { self.monitor.withLock { $0.frameCount } }

    /// Notes an ack.
    ///
    /// - Returns: false for a tag that is not outstanding here: sent, it would cost the channel (C53).
    @inline(__always)
    package func ack(_ tag: UInt64) -> Bool {
        self.monitor.withLock { state in
            if state.ended { return false }
            if state.batch == 1 {
                guard state.tags.settle(tag) == .send else { return false }
                state.frames.appendAck(channel: self.number, deliveryTag: tag, multiple: false)
                state.framedAcks += 1
                state.frameCount += 1
                return true
            }
            guard state.tags.hold(tag) == .send else { return false }
            if state.tags.held >= state.batch { Self.encodeHeld(&state, self.number) }
            return true
        }
    }

    /// Notes an ack of everything up to `tag`.
    ///
    /// 0 is everything outstanding. Gives how many it covers.
    package func ackAll(upTo tag: UInt64) -> Int? {
        self.monitor.withLock { state in
            if state.ended || (tag != 0 && !state.tags.isOutstanding(tag)) { return nil }
            let count = state.tags.settleAll(upTo: tag)
            if count > 0 { state.frames.appendAck(channel: self.number, deliveryTag: tag, multiple: true) }
            state.framedAcks += count
            state.frameCount += 1
            return count
        }
    }

    /// Gives a delivery back: does not count as a failure on new brokers.
    package func nack(_ tag: UInt64, requeue: Bool) -> Bool {
        self.monitor.withLock { state in
            guard !state.ended, state.tags.settle(tag) == .send else { return false }
            state.frames.appendNack(channel: self.number, deliveryTag: tag, multiple: false, requeue: requeue)
            state.frameCount += 1
            return true
        }
    }

    /// Gives many deliveries back in as few frames as that takes.
    ///
    /// - Returns: How many were outstanding.
    package func nack(_ tags: [UInt64], requeue: Bool) -> Int {
        self.monitor.withLock { state in
            if state.ended { return 0 }
            if state.tags.held > 0 { Self.encodeHeld(&state, self.number) }
            var unsettled = UnsettledTags()
            swap(&unsettled, &state.tags)
            defer { swap(&unsettled, &state.tags) }
            return unsettled.settle(tags) { tag, multiple in
                state.frames.appendNack(
                    channel: self.number,
                    deliveryTag: tag,
                    multiple: multiple,
                    requeue: requeue
                )
                state.frameCount += 1
            }
        }
    }

    /// Refuses a delivery: a failure.
    package func reject(_ tag: UInt64, requeue: Bool) -> Bool {
        self.monitor.withLock { state in
            guard !state.ended, state.tags.settle(tag) == .send else { return false }
            state.frames.appendReject(channel: self.number, deliveryTag: tag, requeue: requeue)
            state.frameCount += 1
            return true
        }
    }

    /// The broker settled it by itself: a message taken without ack.
    package func settleWithoutFrame(_ tag: UInt64) { self.monitor.withLock { $0.tags.settledByBroker(tag) } }

    /// The broker took back everything up to `tag`.
    package func requeuedByBroker(upTo tag: UInt64) { self.monitor.withLock { $0.tags.requeuedByBroker(upTo: tag) } }

    package func isOutstanding(_ tag: UInt64) -> Bool { self.monitor.withLock { $0.tags.isOutstanding(tag) } }

    /// Hands the waiting frames to `send`, held-back acks included, if there are any.
    ///
    /// - Parameters:
    ///   - byOwner: In transaction mode nobody else may.
    ///   - send: Says whether the channel took them; what it did not take is counted in ``unsentAtEnd``.
    package func sendFrames(byOwner: Bool, _ send: (borrowing WireBuffer) -> Bool) {
        self.monitor.withLock { state in
            if state.ended || state.isCommitting || (state.ownerOnly && !byOwner) { return }
            if state.tags.held > 0 { Self.encodeHeld(&state, self.number) }
            guard !state.frames.isEmpty else { return }
            if !send(state.frames) { state.unsentAtEnd += state.framedAcks }
            state.frames.removeAll()
            state.framedAcks = 0
        }
    }

    /// Acks that were given in time and not sent before the channel ended: the broker gives their messages out again.
    package var unsentAtEnd: Int { self.monitor.withLock { $0.unsentAtEnd } }

    /// The channel is gone: nothing of it may be sent any more (C54).
    package func end() {
        self.monitor.withLock { state in
            guard !state.ended else { return }
            state.ended = true
            state.unsentAtEnd += state.framedAcks + state.tags.held
            state.frames.removeAll()
        }
    }

    var hasEnded: Bool { self.monitor.withLock { $0.ended } }

    private static func encodeHeld(_ state: inout State, _ number: UInt16) {
        var tags = UnsettledTags()
        swap(&tags, &state.tags)
        state.framedAcks += tags.held
        tags.takeAcks { tag, multiple in
            state.frames.appendAck(channel: number, deliveryTag: tag, multiple: multiple)
            state.frameCount += 1
        }
        swap(&tags, &state.tags)
    }
}
