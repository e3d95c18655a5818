/// A place in a `SlotTable`; one that was removed is never mistaken for what came into its place.
public struct SlotID: Hashable, Sendable {
    package let slot: Int32
    package let generation: UInt32
}

/// A connection, for as long as it lives.
public typealias ConnectionID = SlotID
package typealias QueueID = SlotID

/// Values by place: found without hashing, read and changed where they are.
///
/// Each has an object of its own, which nobody else has: in an array, whoever reads a part of a value would copy all of it. A copy
/// of the table would share them, so there is none.
struct SlotTable<Value: Sendable>: ~Copyable, Sendable {
    private final class Home: @unchecked Sendable {  // its one table is with one thread at a time
        @exclusivity(unchecked) var value: Value
        init(_ value: Value) { self.value = value }
    }
    private struct Slot: Sendable {
        var generation: UInt32
        var home: Home?
    }
    private var slots: [Slot] = []
    private var free: [Int32] = []

    var ids: [SlotID] {
        self.slots.indices.compactMap { index in
            self.slots[index].home == nil
                ? nil : SlotID(slot: Int32(index), generation: self.slots[index].generation)
        }
    }

    var count: Int { self.slots.count - self.free.count }

    func contains(_ id: SlotID) -> Bool {
        self.slots.indices.contains(Int(id.slot)) && self.slots[Int(id.slot)].generation == id.generation
            && self.slots[Int(id.slot)].home != nil
    }

    mutating func insert(_ make: (SlotID) -> Value) -> SlotID {
        if let slot = self.free.popLast() {
            let id = SlotID(slot: slot, generation: self.slots[Int(slot)].generation)
            self.slots[Int(slot)].home = Home(make(id))
            return id
        }
        let id = SlotID(slot: Int32(self.slots.count), generation: 0)
        self.slots.append(Slot(generation: 0, home: Home(make(id))))
        return id
    }

    @discardableResult
    mutating func remove(_ id: SlotID) -> Value? {
        guard self.contains(id) else { return nil }
        defer {
            self.slots[Int(id.slot)].home = nil
            self.slots[Int(id.slot)].generation &+= 1
            self.free.append(id.slot)
        }
        return self.slots[Int(id.slot)].home?.value
    }

    private func home(_ id: SlotID) -> Home {
        guard self.slots[Int(id.slot)].generation == id.generation, let home = self.slots[Int(id.slot)].home else {
            preconditionFailure("a value that was removed")
        }
        return home
    }

    /// Of an id that is in the table: the callers hold none that is not, or have asked.
    subscript(id: SlotID) -> Value {
        _read { yield self.home(id).value }
        _modify { yield &self.home(id).value }
    }
}
