import AMQPCore

/// What came for the tasks that iterate over deliveries, and the tasks that wait, as a value.
///
/// Each item goes to one taker, in order; where there are takers there are no items.
package struct DeliveryDesk<Item: Sendable, Taker: Sendable>: Sendable {
    private enum Phase {
        case open, quiet
        case failed(AMQPError)
    }
    private var phase = Phase.open
    private var ready: ContiguousArray<Item> = []
    private var head = 0
    private var takers: [(token: UInt64, taker: Taker)] = []

    package init() {}

    /// What a taker gets.
    package enum Answer: Sendable {
        case item(Item)
        /// Nothing comes any more.
        case over
        case failure(AMQPError)
        /// It is to wait.
        case wait
    }

    /// Items that nobody has taken.
    package var readyCount: Int { self.ready.count - self.head }

    /// An item has come.
    ///
    /// - Returns: Who gets it; nil if it waits here.
    package mutating func arrived(_ item: Item) -> Taker? {
        guard !self.takers.isEmpty else {
            self.ready.append(item)
            return nil
        }
        return self.takers.removeFirst().taker
    }

    /// Somebody wants an item.
    ///
    /// - Parameters:
    ///   - token: By which it may leave.
    ///   - taker: Kept if it is to wait.
    /// - Returns: What it gets.
    package mutating func take(_ token: UInt64, _ taker: Taker) -> Answer {
        switch self.phase {
        case .quiet: return .over
        case .failed(let error): return .failure(error)
        case .open: break
        }
        guard self.readyCount > 0 else {
            self.takers.append((token, taker))
            return .wait
        }
        let item = self.ready[self.head]
        self.head += 1
        if self.head == self.ready.count || self.head >= 256 {
            self.ready.removeFirst(self.head)
            self.head = 0
        }
        return .item(item)
    }

    /// A taker waits no longer.
    ///
    /// - Returns: The taker, unless it has got something.
    package mutating func leave(_ token: UInt64) -> Taker? {
        guard let index = self.takers.firstIndex(where: { $0.token == token }) else { return nil }
        return self.takers.remove(at: index).taker
    }

    /// The channel has ended that they came on: they come again.
    package mutating func dropReady() { _ = self.takeReady() }

    private mutating func takeReady() -> [Item] {
        defer {
            self.ready = []
            self.head = 0
        }
        return Array(self.ready[self.head...])
    }

    private mutating func takeTakers() -> [Taker] {
        defer { self.takers = [] }
        return self.takers.map(\.taker)
    }

    /// Nothing is given out from here on.
    ///
    /// - Returns: Who waited, and what nobody has taken.
    package mutating func quiet() -> (takers: [Taker], items: [Item]) {
        if case .open = self.phase { self.phase = .quiet }
        return (self.takeTakers(), self.takeReady())
    }

    /// Nothing comes any more, and that is an error.
    ///
    /// - Returns: Who waited.
    package mutating func fail(_ error: AMQPError) -> [Taker] {
        if case .open = self.phase { self.phase = .failed(error) }
        self.dropReady()
        return self.takeTakers()
    }
}
