/// What a batch handler will get at once: gathered until there are enough, or until the first has waited long enough.
///
/// Times are nanoseconds of one clock.
package struct BatchCollector<Element> {
    private let size: Int
    private let timeout: UInt64
    /// In the order in which they came.
    package private(set) var elements: [Element] = []
    /// When the batch begins though it is not full; nil while it is empty.
    package private(set) var deadline: UInt64?

    /// - Parameters:
    ///   - size: From 1.
    ///   - timeout: 0 takes what is there.
    package init(size: Int, timeout: UInt64) {
        self.size = max(size, 1)
        self.timeout = timeout
        self.elements.reserveCapacity(min(self.size, 1024))
    }

    package var isFull: Bool { self.elements.count >= self.size }

    /// Takes one in; `now` counts for the first of a batch, whose time begins to run.
    package mutating func add(_ element: Element, now: UInt64) {
        if self.deadline == nil { self.deadline = now &+ min(self.timeout, UInt64.max - now) }
        self.elements.append(element)
    }

    /// Whether the batch should begin now.
    package func isDue(now: UInt64) -> Bool {
        guard let deadline = self.deadline else { return false }
        return self.isFull || now >= deadline
    }

    /// Empties it, for the next batch.
    package mutating func take() -> [Element] {
        defer {
            self.elements.removeAll(keepingCapacity: true)
            self.deadline = nil
        }
        return self.elements
    }
}
