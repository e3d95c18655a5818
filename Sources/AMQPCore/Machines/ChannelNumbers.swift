/// The channel numbers of one connection: 1...limit, each out at most once.
///
/// The number freed longest ago goes out first, so that a stray frame of a closed channel meets an unused number
/// (C40). The limit counts open channels and bounds the numbers alike (C32).
package struct ChannelNumbers: Sendable {
    package let limit: Int
    private var fresh = 1
    private var freed: [UInt16] = []
    private var head = 0

    package init(limit: Int) { self.limit = min(max(limit, 1), 65535) }

    /// How many numbers are out.
    package var inUse: Int { self.fresh - 1 - (self.freed.count - self.head) }

    /// A free number, never-used ones first; nil when all are out.
    package mutating func take() -> UInt16? {
        if self.fresh <= self.limit {
            defer { self.fresh += 1 }
            return UInt16(self.fresh)
        }
        guard self.head < self.freed.count else { return nil }
        let number = self.freed[self.head]
        self.head += 1
        if self.head > 64, self.head * 2 > self.freed.count {
            self.freed.removeFirst(self.head)
            self.head = 0
        }
        return number
    }

    /// Gives a number back.
    ///
    /// The caller has paid both debts of its close first.
    package mutating func free(_ number: UInt16) { self.freed.append(number) }
}
