import AMQPClient

/// What a worker has in hand whose thread is inside a handler, for another one to see that gets the same message: then
/// the broker has taken it back.
final class HandWatch: Sendable {
    struct Hand {
        let record: ContentRecord
        let block: Block
    }
    private struct State {
        var batch: DeliveryBatch?
        /// Of tasks, the one that began first when the batch came.
        var oldest: Hand?
        var together: [Hand] = []
        var claimed: Set<UInt64> = []
    }
    private let state = Monitor(State())

    /// The deliveries of which it begins one after the other, and what it has in hand already.
    func hold(_ batch: DeliveryBatch, _ oldest: Hand? = nil) {
        self.state.withLock { state in
            state.batch = batch
            state.oldest = oldest
            if !state.claimed.isEmpty, oldest == nil { state.claimed = [] }
        }
    }

    /// The deliveries that it begins together.
    func hold(_ hands: [Hand]) { self.state.withLock { $0 = State(together: hands) } }

    /// The tags of those that it has begun together, if any.
    var together: [UInt64] { self.state.withLock { $0.together.map(\.record.deliveryTag) } }

    /// Another channel: its tags begin anew.
    func reset() { self.state.withLock { $0 = State() } }

    func release() {
        self.state.withLock { state in
            state.batch = nil
            state.together = []
        }
    }

    /// What is in hand, once for each.
    ///
    /// - Parameter oldest: The delivery that was begun last, or the first of those that were begun together.
    /// - Returns: Nothing if it was claimed before.
    func claim(_ oldest: UInt64) -> [Hand] {
        self.state.withLock { state in
            guard state.claimed.insert(oldest).inserted else { return [] }
            if !state.together.isEmpty {
                state.claimed.formUnion(state.together.map(\.record.deliveryTag))
                return state.together
            }
            if let hand = state.oldest, hand.record.deliveryTag == oldest { return [hand] }
            guard let batch = state.batch, let record = batch.records.first(where: { $0.deliveryTag == oldest }) else {
                return []
            }
            return [Hand(record: record, block: batch.block)]
        }
    }

    /// What has this tag, and is not claimed.
    func look(_ tag: UInt64) -> Hand? {
        self.state.withLock { state in
            if state.claimed.contains(tag) { return nil }
            if let hand = state.oldest, hand.record.deliveryTag == tag { return hand }
            if let hand = state.together.first(where: { $0.record.deliveryTag == tag }) { return hand }
            guard let batch = state.batch, let record = batch.records.first(where: { $0.deliveryTag == tag }) else {
                return nil
            }
            return Hand(record: record, block: batch.block)
        }
    }

    /// Whether nobody has claimed it yet.
    func claimOne(_ tag: UInt64) -> Bool { self.state.withLock { $0.claimed.insert(tag).inserted } }

    func wasClaimed(_ tag: UInt64) -> Bool { self.state.withLock { $0.claimed.contains(tag) } }
}
