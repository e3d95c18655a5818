import AMQPClient

/// Inputs whose copy is on its way to a delay queue or a dead-letter target: they are acked when the broker has
/// confirmed it.
struct ParkedInputs {
    struct Input: Equatable {
        let deliveryTag: UInt64
        /// What it counts as once the copy is confirmed.
        let settlement: Settlement
        /// Where the copy went.
        let address: CopyAddress
    }

    private var inputs: [UInt64: Input] = [:]
    private var nextToken: UInt64 = 1

    var count: Int { self.inputs.count }
    var isEmpty: Bool { self.inputs.isEmpty }

    /// Registers an input before its copy is published; gives the token for it.
    mutating func add(_ input: Input) -> UInt64 {
        defer { self.nextToken += 1 }
        self.inputs[self.nextToken] = input
        return self.nextToken
    }

    /// Its copy was answered, or could not be sent.
    mutating func remove(_ token: UInt64) -> Input? { self.inputs.removeValue(forKey: token) }

    /// The channel of the inputs ended: the broker gives all of them out again.
    mutating func removeAll() -> Int {
        defer { self.inputs.removeAll() }
        return self.inputs.count
    }
}
