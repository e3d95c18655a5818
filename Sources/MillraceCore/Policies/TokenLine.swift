/// Tokens in order; taken from the front.
package struct TokenLine: Equatable, Sendable {
    private var tokens: ContiguousArray<UInt64> = []
    private var head = 0

    package init() {}

    package var count: Int { self.tokens.count - self.head }
    package var isEmpty: Bool { self.head == self.tokens.count }
    package var first: UInt64? { self.head < self.tokens.count ? self.tokens[self.head] : nil }

    package mutating func append(_ token: UInt64) { self.tokens.append(token) }

    package mutating func removeFirst() {
        self.head += 1
        if self.head == self.tokens.count {
            self.tokens.removeAll(keepingCapacity: true)
            self.head = 0
        } else if self.head >= 1024, self.head * 2 > self.tokens.count {
            self.tokens.removeFirst(self.head)
            self.head = 0
        }
    }

    /// Empties it; gives what was in it, in order.
    package mutating func removeAll() -> [UInt64] {
        defer { self = TokenLine() }
        return Array(self.tokens[self.head...])
    }
}
