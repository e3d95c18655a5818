/// When the memory that many messages needed is given back to the system, as a value.
///
/// The allocator gives back the ends of its heaps alone: whatever was allocated behind the messages, and lives on, keeps all of
/// theirs. So when most of a flood is gone the server asks for it, which walks over what is free.
package struct FreedMemory {
    /// Less than this, in octets, is worth no walk.
    package static let least = 32 << 20
    /// Between two looks this many messages may come or go, and this many octets come in.
    static let (messages, octets) = (4096, 8 << 20)

    /// The most that was held since it was last given back.
    private var peak = 0
    private var messagesThen = 0
    private var octetsSince = 0

    package init() {}

    /// So many octets have come in.
    package mutating func received(_ octets: Int) { self.octetsSince += octets }

    /// Whether it is time to see how much is held, which costs more than to ask this.
    package func isLookDue(messages: Int) -> Bool {
        self.octetsSince >= Self.octets || abs(messages - self.messagesThen) >= Self.messages
            || messages == 0 && self.messagesThen > 0
    }

    /// Takes in how much is held.
    ///
    /// - Returns: Whether an eighth of the most, or less, is left: the rest is to be given back now.
    package mutating func look(messages: Int, octets: Int) -> Bool {
        self.messagesThen = messages
        self.octetsSince = 0
        self.peak = max(self.peak, octets)
        guard self.peak >= Self.least, octets <= self.peak / 8 else { return false }
        self.peak = octets
        return true
    }
}
