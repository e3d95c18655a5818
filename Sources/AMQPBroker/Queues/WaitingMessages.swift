/// What has come back to a queue and is not to go out yet, by when it is.
struct WaitingMessages: Sendable {
    private var entries: [(due: UInt64, entry: QueueEntry)] = []
    /// Octets of the bodies and the properties.
    private(set) var bytes = 0

    var count: Int { self.entries.count }
    var nextDue: UInt64 { self.entries.first?.due ?? .max }

    /// Behind those that are due at the same time.
    mutating func add(_ entry: QueueEntry, due: UInt64) {
        let place = self.entries.lastIndex { $0.due <= due }.map { $0 + 1 } ?? 0
        self.entries.insert((due, entry), at: place)
        self.bytes += entry.message.body.count + entry.message.propertiesSize
    }

    mutating func take(dueBy now: UInt64) -> [QueueEntry] {
        let due = self.entries.prefix { $0.due <= now }.map(\.entry)
        self.entries.removeFirst(due.count)
        for entry in due { self.bytes -= entry.message.body.count + entry.message.propertiesSize }
        return due
    }
}
