import AMQPClient

/// Inputs whose handler has succeeded and whose outputs the broker has not all confirmed yet: an input is acked after
/// its last output (DESIGN §6).
struct AwaitingInputs {
    struct Input {
        /// The delivery itself: if an output fails, a copy of it is set aside.
        let delivery: HeldDelivery
        var deliveryTag: UInt64 { self.delivery.record.deliveryTag }
        var remaining: Int
        var outputs: Int
        var failure: String?
        /// The channel ended before the broker answered for all of them.
        var isUnknown = false
    }

    private var inputs: [UInt64: Input] = [:]
    private var nextID: UInt64 = 1

    var count: Int { self.inputs.count }
    var isEmpty: Bool { self.inputs.isEmpty }

    /// Registers an input before its outputs are published; gives the token for each of them.
    mutating func add(_ delivery: HeldDelivery, outputs: Int) -> UInt64 {
        defer { self.nextID += 1 }
        self.inputs[self.nextID] = Input(delivery: delivery, remaining: outputs, outputs: outputs)
        return self.nextID
    }

    /// One output was answered; gives the input once it was the last.
    mutating func settled(_ token: UInt64, _ verdict: ConfirmVerdict) -> Input? {
        guard var input = self.inputs[token] else { return nil }
        input.remaining -= 1
        switch verdict {
        case .confirmed: break
        case .refused: input.failure = "the broker refused an output (basic.nack)"
        case .returned: input.failure = "no queue took an output (312 NO_ROUTE)"
        case .unknown: input.isUnknown = true
        }
        self.inputs[token] = input.remaining == 0 ? nil : input
        return input.remaining == 0 ? input : nil
    }

    /// An output could not even be queued: the rest of this input's outputs does not matter.
    mutating func drop(_ token: UInt64) { self.inputs[token] = nil }

    /// The channel ended: the broker gives all of them out again.
    mutating func removeAll() -> Int {
        defer { self.inputs.removeAll() }
        return self.inputs.count
    }
}
