/// A supervisor's way from one broker to another of its list, in order: the new connection is there before the old one is let go.
///
/// A value; brokers are indices into the list.
package struct ConnectionMove: Equatable, Sendable {
    package enum Step: Equatable, Sendable {
        /// Try this one, and say what came of it.
        case connect(Int)
        /// Nobody else takes it: all stays as it was.
        case stay(String)
        /// Jobs go over to the new connection; the old one stays for what they have in hand.
        case goOver(Int)
        /// Nobody needs the old connection any more.
        case close
    }

    private enum Phase: Equatable { case connecting(Int), leaving, closing, over }

    private var rest: [Int]
    private var phase = Phase.over
    private var reason = "there is no other broker in the list"

    /// - Parameter candidates: Whom to try, in order.
    package init(candidates: [Int]) { self.rest = candidates }

    /// Whether it has not been decided yet whether it goes anywhere.
    package var isUndecided: Bool { if case .connecting = self.phase { true } else { false } }
    package var isLeaving: Bool { self.phase == .leaving || self.phase == .closing }

    /// Who is tried first.
    package mutating func begin() -> Step { self.next() }

    private mutating func next() -> Step {
        guard !self.rest.isEmpty else {
            self.phase = .over
            return .stay(self.reason)
        }
        let index = self.rest.removeFirst()
        self.phase = .connecting(index)
        return .connect(index)
    }

    /// The one that is tried does not take it.
    package mutating func failed(_ reason: String) -> Step {
        self.reason = reason
        return self.next()
    }

    /// The one that is tried takes it.
    package mutating func connected() -> Step {
        guard case .connecting(let index) = self.phase else { return .stay("it was not asked for") }
        self.phase = .leaving
        return .goOver(index)
    }

    /// How far those are who were on the old connection.
    ///
    /// - Parameter areGone: Whether none of them uses it any more.
    /// - Returns: What is to be done; nil for nothing.
    package mutating func look(areGone: Bool) -> Step? {
        guard self.phase == .leaving, areGone else { return nil }
        self.phase = .closing
        return .close
    }

    /// The old connection has ended.
    ///
    /// - Returns: Whether somebody was on it still.
    package mutating func oldEnded() -> Bool {
        defer { self.phase = .over }
        return self.phase == .leaving
    }
}
