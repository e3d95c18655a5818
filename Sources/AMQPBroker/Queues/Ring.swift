/// A queue with two ends over one array: no element moves when one comes or goes at an end.
struct Ring<Element: Sendable>: Sendable {
    private var storage: [Element?] = []
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { self.count == 0 }
    var first: Element? { self.count == 0 ? nil : self.storage[self.head] }

    private func place(_ index: Int) -> Int { (self.head &+ index) & (self.storage.count &- 1) }

    subscript(index: Int) -> Element {
        get {
            precondition(index >= 0 && index < self.count, "no such element")
            return self.storage[self.place(index)].unsafelyUnwrapped
        }
        set {
            precondition(index >= 0 && index < self.count, "no such element")
            self.storage[self.place(index)] = newValue
        }
    }

    private mutating func grow() {
        guard self.count == self.storage.count else { return }
        var larger: [Element?] = []
        let capacity = Swift.max(8, self.storage.count * 2)
        larger.reserveCapacity(capacity)
        for index in 0..<self.count { larger.append(self.storage[self.place(index)]) }
        larger.append(contentsOf: repeatElement(nil, count: capacity - self.count))
        self.storage = larger
        self.head = 0
    }

    mutating func append(_ element: Element) {
        self.grow()
        self.storage[self.place(self.count)] = element
        self.count += 1
    }

    mutating func popFirst() -> Element? {
        guard self.count > 0 else { return nil }
        let element = self.storage[self.head]
        self.storage[self.head] = nil
        self.head = self.place(1)
        self.count -= 1
        // What a burst has needed is given back.
        if self.count == 0, self.storage.count > 1024 { self.storage = [] }
        return element
    }

    /// Puts it in front of the element that is there; what is moved is the shorter side.
    mutating func insert(_ element: Element, at index: Int) {
        precondition(index >= 0 && index <= self.count, "no such place")
        self.grow()
        if index < self.count / 2 {
            self.head = (self.head &- 1) & (self.storage.count &- 1)
            self.count += 1
            for place in 0..<index { self.storage[self.place(place)] = self.storage[self.place(place + 1)] }
        } else {
            self.count += 1
            for place in stride(from: self.count - 1, to: index, by: -1) {
                self.storage[self.place(place)] = self.storage[self.place(place - 1)]
            }
        }
        self.storage[self.place(index)] = element
    }

    mutating func removeAll() -> [Element] {
        let all = (0..<self.count).map { self[$0] }
        self.storage = []
        self.head = 0
        self.count = 0
        return all
    }
}
