/// What is due, the earliest first; of one time what was put in first.
struct Agenda {
    enum Item {
        case decision(Int)
        case heal
        /// The next parcel of a link: to the broker, or to the client.
        case parcel(link: Int, toBroker: Bool)
        case tick(client: Int)
        case connect(client: Int)
        case brokerTimer
        case handlerEnds(client: Int, owner: Int)
        case socketDrained(link: Int)
        case confirmsReleased(link: Int)
        case unblock
        case brokerUp
    }
    private struct Entry {
        let time: UInt64
        let order: UInt64
        let item: Item
    }
    private var heap: [Entry] = []
    private var order: UInt64 = 0

    mutating func add(_ item: Item, at time: UInt64) {
        self.heap.append(Entry(time: time, order: self.order, item: item))
        self.order += 1
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.isBefore(child, parent) else { return }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func next() -> (time: UInt64, item: Item)? {
        guard let first = self.heap.first else { return nil }
        self.heap.swapAt(0, self.heap.count - 1)
        self.heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            let (left, right) = (2 * parent + 1, 2 * parent + 2)
            if left < self.heap.count, self.isBefore(left, least) { least = left }
            if right < self.heap.count, self.isBefore(right, least) { least = right }
            guard least != parent else { return (first.time, first.item) }
            self.heap.swapAt(parent, least)
            parent = least
        }
    }

    private func isBefore(_ one: Int, _ other: Int) -> Bool {
        let (one, other) = (self.heap[one], self.heap[other])
        return one.time < other.time || one.time == other.time && one.order < other.order
    }
}
