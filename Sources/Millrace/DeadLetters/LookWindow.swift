/// How many messages a look asks the broker for at once.
///
/// Few at first, since nobody knows how large they are, then more: a consumer is many times as fast as one request for
/// each, and what it is sent has to fit in memory.
package struct LookWindow: Equatable, Sendable {
    /// Messages at once, at most.
    package static let countLimit = 1000
    /// Octets of their bodies at once, as far as those that came tell.
    package static let byteLimit = 8 << 20
    private var seen = 0
    private var largest = 1

    package init() {}

    /// A message came.
    package mutating func saw(bytes: Int) {
        self.seen += 1
        self.largest = max(self.largest, bytes)
    }

    /// How many more may come at once, from 1.
    package func size(wanted: Int) -> UInt16 {
        let bound = min(Self.countLimit, 10 * max(1, self.seen), Self.byteLimit / self.largest)
        return UInt16(max(1, min(wanted, bound)))
    }
}
