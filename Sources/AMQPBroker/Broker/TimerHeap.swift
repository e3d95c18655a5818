/// What is to be looked at, and when: the earliest first.
///
/// Nothing is taken out before its time: who has been put in anew since then is told apart by its own note of the time.
struct TimerHeap: Sendable {
    enum Owner: Sendable, Equatable {
        case queue(QueueID)
        case connection(ConnectionID)
    }
    private var heap: [(time: UInt64, owner: Owner)] = []

    var earliest: UInt64? { self.heap.first?.time }

    mutating func add(_ owner: Owner, at time: UInt64) {
        self.heap.append((time, owner))
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child].time < self.heap[parent].time else { return }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Whose time has come.
    mutating func take(dueBy now: UInt64) -> (time: UInt64, owner: Owner)? {
        guard let first = self.heap.first, first.time <= now else { return nil }
        self.heap.swapAt(0, self.heap.count - 1)
        self.heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < self.heap.count && self.heap[child].time < self.heap[least].time {
                least = child
            }
            guard least != parent else { return first }
            self.heap.swapAt(parent, least)
            parent = least
        }
    }
}
