/// How long what is published waits for the broker's answer before it goes again on another channel.
///
/// A confirm that is lost would be waited for as long as the connection lives, and its input, or its original, with it. Each
/// time in vain it takes twice as long, for what goes again may be there twice: a queue without a leader answers nobody.
/// A value; times are nanoseconds of the monotonic clock.
package struct AnswerPatience: Equatable, Sendable {
    /// Two minutes: longer than any election, and than a node takes to come up.
    package static let usual: UInt64 = 120_000_000_000
    package static let longest: UInt64 = 3_600_000_000_000

    private let first: UInt64
    private var wait: UInt64
    /// Nothing that waits was sent before.
    private var since: UInt64?

    /// - Parameter first: Nanoseconds.
    package init(_ first: UInt64 = Self.usual) {
        self.first = first
        self.wait = first
    }

    /// When to look again; nil if nothing was sent.
    package var deadline: UInt64? { self.since.map { $0 &+ self.wait } }

    /// Something was sent that is answered.
    package mutating func sent(now: UInt64) { if self.since == nil { self.since = now } }

    /// Whether something has waited too long.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - oldest: When the oldest was sent that is not answered, if any is; asked for once in a while.
    /// - Returns: Whether it is to go again.
    package mutating func isOver(now: UInt64, oldest: () -> UInt64?) -> Bool {
        guard let deadline = self.deadline, now >= deadline else { return false }
        self.since = oldest().map { max($0, self.since ?? 0) }
        return self.deadline.map { now >= $0 } ?? false
    }

    /// The broker has taken something: it is at work.
    package mutating func worked() { self.wait = self.first }

    /// What waits goes again, or could not: from here on it has twice the time.
    package mutating func beganAgain(now: UInt64) {
        self.since = now
        self.wait = min(self.wait &* 2, max(Self.longest, self.first))
    }
}
