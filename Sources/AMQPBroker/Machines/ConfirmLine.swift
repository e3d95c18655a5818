/// The numbers of a channel in confirm mode, and what has not been said of them yet.
struct ConfirmLine: Sendable {
    private var next: UInt64 = 1
    /// Taken and not told yet, each number after the one before.
    private var first: UInt64 = 0
    private var last: UInt64 = 0

    /// The number of a publish.
    mutating func number() -> UInt64 {
        defer { self.next += 1 }
        return self.next
    }

    /// The message with this number is in all its queues.
    mutating func taken(_ number: UInt64) {
        if self.last == 0 { self.first = number }
        self.last = number
    }

    var isPending: Bool { self.last != 0 }

    /// What to say now: this number, and whether all before it are meant too.
    mutating func flush() -> (tag: UInt64, multiple: Bool)? {
        guard self.last != 0 else { return nil }
        defer { self.last = 0 }
        return (self.last, self.last > self.first)
    }
}
