/// The channels of a connection by their numbers: found without hashing, and changed where they are.
///
/// Each message goes through its channel a dozen times; a dictionary would hash the number and move the channel each time.
struct ChannelTable: Sendable {
    private var slots: [ChannelMachine?] = []
    private var free: [UInt16] = []
    /// One more than a channel's slot, by number; 0 where there is none.
    private var places: [UInt16] = []

    var count: Int { self.slots.count - self.free.count }

    /// Those that are there, the least first.
    var numbers: [UInt16] {
        self.places.indices.compactMap { self.places[$0] > 0 ? UInt16($0) : nil }
    }

    /// In the order of their numbers.
    var values: [ChannelMachine] { self.numbers.compactMap { self[$0] } }

    private func slot(_ number: UInt16) -> Int? {
        let number = Int(number)
        guard number < self.places.count, self.places[number] > 0 else { return nil }
        return Int(self.places[number]) - 1
    }

    subscript(number: UInt16) -> ChannelMachine? {
        _read {
            if let slot = self.slot(number) { yield self.slots[slot] } else { yield nil }
        }
        _modify {
            if let slot = self.slot(number) {
                // Also where what is done to it throws.
                defer { if self.slots[slot] == nil { self.forget(number, slot) } }
                yield &self.slots[slot]
            } else {
                var machine: ChannelMachine?
                defer { if let machine { self.insert(machine, number) } }
                yield &machine
            }
        }
    }

    private mutating func insert(_ machine: ChannelMachine, _ number: UInt16) {
        let missing = Int(number) + 1 - self.places.count
        if missing > 0 { self.places.append(contentsOf: repeatElement(0, count: missing)) }
        if let slot = self.free.popLast() {
            self.slots[Int(slot)] = machine
            self.places[Int(number)] = slot + 1
        } else {
            self.slots.append(machine)
            self.places[Int(number)] = UInt16(self.slots.count)
        }
    }

    private mutating func forget(_ number: UInt16, _ slot: Int) {
        self.places[Int(number)] = 0
        self.free.append(UInt16(slot))
    }

    mutating func remove(_ number: UInt16) -> ChannelMachine? {
        let machine = self[number]
        self[number] = nil
        return machine
    }
}
