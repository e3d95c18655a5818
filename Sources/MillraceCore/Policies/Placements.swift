package import AMQPCore

/// The inputs of a worker whose outputs or copy are on their way, so that somebody else can tell which of them the broker
/// has, should the worker not come back: such an input must not be handled again.
///
/// A value; tags are delivery tags of the consumer's channel.
package struct Placements: Sendable {
    package enum Line: Sendable { case outputs, copies }

    /// An input that has nothing left to wait for.
    package struct Placed: Equatable, Sendable {
        package let tag: UInt64
        package let settlement: Settlement

        package init(tag: UInt64, settlement: Settlement) {
            self.tag = tag
            self.settlement = settlement
        }
    }

    private struct Input: Sendable {
        /// Told apart from what was published for the same input before.
        let round: UInt64
        var left: Int
        let settlement: Settlement
    }
    private struct Way: Sendable {
        /// By the numbers of what was published: for which input, in which round.
        var inputs: [UInt64: (tag: UInt64, round: UInt64)] = [:]
        /// The last number that the commit on its way is for.
        var commitEnd: UInt64 = 0
    }
    private var inputs: [UInt64: Input] = [:]
    private var outputs = Way()
    private var copies = Way()
    private var rounds: UInt64 = 0

    package init() {}

    /// A new channel: what was on its way on the old one is published again, or fails.
    package mutating func opened(_ line: Line) {
        switch line {
        case .outputs: self.outputs = Way()
        case .copies: self.copies = Way()
        }
    }

    private mutating func change(_ line: Line, _ body: (inout Way) -> Void) {
        switch line {
        case .outputs: body(&self.outputs)
        case .copies: body(&self.copies)
        }
    }

    /// Something was published for an input.
    ///
    /// - Parameters:
    ///   - line: On which channel.
    ///   - sequence: Its number there.
    ///   - tag: The input.
    ///   - settlement: What the input counts as once all is confirmed.
    ///   - begins: How many have to be confirmed from here on; nil if it was said before.
    package mutating func published(
        _ line: Line,
        _ sequence: UInt64,
        for tag: UInt64,
        _ settlement: Settlement,
        begins: Int?
    ) {
        if let begins {
            self.rounds += 1
            self.inputs[tag] = Input(round: self.rounds, left: begins, settlement: settlement)
        }
        guard let round = self.inputs[tag]?.round else { return }
        self.change(line) { $0.inputs[sequence] = (tag, round) }
    }

    /// A commit is on its way for what was published up to this number.
    package mutating func committing(upTo sequence: UInt64) { self.outputs.commitEnd = sequence }

    /// Something was answered, and the worker knows.
    package mutating func answered(_ line: Line, _ sequence: UInt64, _ verdict: ConfirmVerdict) {
        var published: (tag: UInt64, round: UInt64)?
        self.change(line) { published = $0.inputs.removeValue(forKey: sequence) }
        guard verdict == .confirmed, let published, self.inputs[published.tag]?.round == published.round else { return }
        self.inputs[published.tag]?.left -= 1
    }

    /// The worker has settled the input.
    package mutating func settled(_ tag: UInt64) { self.inputs[tag] = nil }

    /// Answers that the worker has not read.
    package mutating func heard(_ line: Line, _ answers: [UnreadAnswers.Answer]) {
        for answer in answers {
            switch answer {
            case .returned(let sequence):
                // The ack that follows says no more than that it came back.
                self.change(line) { way in
                    if let sequence { way.inputs[sequence] = nil } else { way = Way() }
                }
            case .committed: self.confirm(line, upTo: self.outputs.commitEnd)
            case .confirm(let tag, true, true): self.confirm(line, upTo: tag == 0 ? .max : tag)
            case .confirm(let tag, false, true): self.answered(line, tag, .confirmed)
            case .confirm(let tag, true, false):
                self.change(line) { way in way.inputs = way.inputs.filter { tag != 0 && $0.key > tag } }
            case .confirm(let tag, false, false): self.answered(line, tag, .refused)
            }
        }
    }

    private mutating func confirm(_ line: Line, upTo last: UInt64) {
        var confirmed: [UInt64] = []
        self.change(line) { way in confirmed = way.inputs.keys.filter { $0 <= last } }
        for sequence in confirmed { self.answered(line, sequence, .confirmed) }
    }

    /// The inputs of which the broker has everything, by their tags.
    package var placed: [Placed] {
        self.inputs.filter { $0.value.left <= 0 }
            .map { Placed(tag: $0.key, settlement: $0.value.settlement) }
            .sorted { $0.tag < $1.tag }
    }
}
