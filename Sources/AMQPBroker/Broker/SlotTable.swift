/// A place in a `SlotTable`; one that was removed is never mistaken for what came into its place.
public struct SlotID: Hashable, Sendable {
    package let slot: Int32
    package let generation: UInt32
}

/// A connection, for as long as it lives.
public typealias ConnectionID = SlotID
package typealias QueueID = SlotID

/// Values by place: found without hashing, changed where they are.
struct SlotTable<Value: Sendable>: Sendable {
    private struct Slot: Sendable {
        var generation: UInt32
        var value: Value?
    }
    private var slots: [Slot] = []
    private var free: [Int32] = []

    var ids: [SlotID] {
        self.slots.indices.compactMap { index in
            self.slots[index].value == nil
                ? nil : SlotID(slot: Int32(index), generation: self.slots[index].generation)
        }
    }

    var count: Int { self.slots.count - self.free.count }

    func contains(_ id: SlotID) -> Bool {
        self.slots.indices.contains(Int(id.slot)) && self.slots[Int(id.slot)].generation == id.generation
            && self.slots[Int(id.slot)].value != nil
    }

    mutating func insert(_ make: (SlotID) -> Value) -> SlotID {
        if let slot = self.free.popLast() {
            let id = SlotID(slot: slot, generation: self.slots[Int(slot)].generation)
            self.slots[Int(slot)].value = make(id)
            return id
        }
        let id = SlotID(slot: Int32(self.slots.count), generation: 0)
        self.slots.append(Slot(generation: 0, value: make(id)))
        return id
    }

    @discardableResult
    mutating func remove(_ id: SlotID) -> Value? {
        guard self.contains(id) else { return nil }
        defer {
            self.slots[Int(id.slot)].value = nil
            self.slots[Int(id.slot)].generation &+= 1
            self.free.append(id.slot)
        }
        return self.slots[Int(id.slot)].value
    }

    /// Of an id that is in the table: the callers hold none that is not, or have asked.
    subscript(id: SlotID) -> Value {
        _read {
            precondition(self.slots[Int(id.slot)].generation == id.generation, "a value that was removed")
            // swift-format-ignore: NeverForceUnwrap
            yield self.slots[Int(id.slot)].value!  // there, as was just looked
        }
        _modify {
            precondition(self.contains(id), "a value that was removed")
            // swift-format-ignore: NeverForceUnwrap
            yield &self.slots[Int(id.slot)].value!  // there, as was just looked; copied, it would be a second owner
        }
    }
}
