/// What becomes of each message of one batch.
///
/// Made by the batch itself, so that it has a place for each message and for no other. A place that is still empty when
/// the handler returns is that message's failure: it is tried again, and the log says why.
public struct BatchVerdicts: Sendable, Equatable {
    private var outcomes: [Outcome?]

    init(count: Int) { self.outcomes = Array(repeating: nil, count: count) }

    /// How many messages the batch has.
    public var count: Int { self.outcomes.count }

    /// The messages that have no outcome yet, in order.
    public var open: [Int] { self.outcomes.indices.filter { self.outcomes[$0] == nil } }

    /// The outcome of one message; nil is none yet, and the index is checked.
    public subscript(index: Int) -> Outcome? {
        get { self.outcomes[index] }
        set { self.outcomes[index] = newValue }
    }

    /// The sheet with one outcome in every place that is still empty.
    public func rest(_ outcome: Outcome) -> BatchVerdicts {
        var filled = self
        for index in self.open { filled.outcomes[index] = outcome }
        return filled
    }
}

extension BatchVerdicts {
    /// What becomes of each message, with a failure in the places that are empty.
    package var settled: [Outcome] {
        self.outcomes.map { $0 ?? .retry("the handler gave no verdict for this message") }
    }

    /// How many of each outcome, those alone that there are, in the order in which ``Outcome`` names them.
    package var tally: [(name: String, count: Int)] {
        let counts = self.settled.reduce(into: [:]) { $0[$1.name, default: 0] += 1 }
        return Outcome.names.compactMap { name in counts[name].map { (name, $0) } }
    }
}
