/// The records of one read for one channel, in memory that stays for the next read.
///
/// Not an array in the lane: one checked access for each delivery would cost more than the store.
// Unsafe memory: `capacity` records are allocated, the first `count` of them are initialized, nobody else has the
// pointer. ContentRecord is plain data, so nothing has to be deinitialized.
final class RecordBuffer {
    private var base: UnsafeMutablePointer<ContentRecord>
    private var capacity = 64
    private(set) var count = 0

    init() { self.base = .allocate(capacity: 64) }

    deinit { self.base.deallocate() }

    @inline(__always)
    func append(_ record: ContentRecord) {
        if self.count == self.capacity { self.grow() }
        (self.base + self.count).initialize(to: record)
        self.count += 1
    }

    private func grow() {
        let larger = UnsafeMutablePointer<ContentRecord>.allocate(capacity: self.capacity * 2)
        larger.moveInitialize(from: self.base, count: self.count)
        self.base.deallocate()
        self.base = larger
        self.capacity *= 2
    }

    func removeAll() { self.count = 0 }

    /// Hands out and forgets the records.
    func take() -> ContiguousArray<ContentRecord> {
        defer { self.count = 0 }
        return ContiguousArray(UnsafeBufferPointer(start: self.base, count: self.count))
    }
}
