import NIOCore

/// What a test does to octets on their way from the broker to its clients, as a value.
struct WireFaults {
    /// How many more may go before the connection that is written to is cut.
    var cutAfter: Int?
    /// How long each write takes.
    var delay = TimeAmount.zero
    private var lastDue = NIODeadline.uptimeNanoseconds(0)

    /// How many of these go out, and whether the connection is cut behind them.
    mutating func pass(_ count: Int) -> (count: Int, isCut: Bool) {
        guard let left = self.cutAfter else { return (count, false) }
        guard left <= count else {
            self.cutAfter = left - count
            return (count, false)
        }
        self.cutAfter = nil
        return (left, true)
    }

    /// All connections have ended: nothing waits behind what was on its way there.
    mutating func allEnded() { self.lastDue = .uptimeNanoseconds(0) }

    /// When what is written now goes out, behind all that was written before; nil for at once.
    mutating func due(now: NIODeadline) -> NIODeadline? {
        let due = max(now + self.delay, self.lastDue)
        guard due > now else { return nil }
        self.lastDue = due
        return due
    }
}
