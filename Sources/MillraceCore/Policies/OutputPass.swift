package import AMQPCore

/// One way of an input's outputs to the broker: which of them go this time, how far they are, and what was answered.
///
/// A place is an output's index among all of its input.
package struct OutputPass: Equatable, Sendable {
    /// Those that go, if not all.
    private var places: [Int]?
    package private(set) var count: Int
    package private(set) var sent = 0
    package private(set) var answered = 0
    /// No queue took one of them.
    package private(set) var isReturned = false
    private var refused: [Int] = []
    /// A bit for each place below 64 that the broker has accepted; what is beyond may go twice after a channel's end.
    private var accepted: UInt64 = 0

    /// All of an input.
    package init(outputs: Int) { self.count = outputs }

    package var isSent: Bool { self.sent >= self.count }
    package var isAnswered: Bool { self.answered >= self.count }
    package var hasUnanswered: Bool { self.sent > self.answered }
    package var hasRefused: Bool { !self.refused.isEmpty }

    /// The place of the next one, while not all are sent.
    package var next: Int { self.places?[self.sent] ?? self.sent }

    package mutating func nextWasSent() { self.sent += 1 }

    package mutating func wasAnswered(_ place: Int, _ verdict: ConfirmVerdict) {
        self.answered += 1
        switch verdict {
        case .confirmed: if place < 64 { self.accepted |= 1 << UInt64(place) }
        case .refused: self.refused.append(place)
        case .returned: self.isReturned = true
        case .unknown: break
        }
    }

    /// Every one is answered: those that were refused go again.
    package mutating func beginAgainWithRefused() { self.begin(self.refused) }

    /// The channel is gone: whatever is not known to be accepted goes again.
    package mutating func beginAgain() {
        guard self.sent > 0 else { return }
        let accepted = self.accepted
        if accepted == 0 { return self.begin(self.places) }
        self.begin((self.places ?? Array(0..<self.count)).filter { $0 >= 64 || accepted & 1 << UInt64($0) == 0 })
    }

    private mutating func begin(_ places: [Int]?) {
        let count = places?.count ?? self.count
        self = OutputPass(outputs: count)
        self.places = places
    }
}
