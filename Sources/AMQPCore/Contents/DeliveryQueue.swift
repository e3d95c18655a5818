/// Deliveries that a channel's owner has taken in and not handed out yet, in the order in which they came.
struct DeliveryQueue {
    private var batches: ContiguousArray<DeliveryBatch> = []
    private var nextBatch = 0
    private var nextRecord = 0
    /// Of the batches that were not begun.
    private(set) var unread = Backlog()

    /// Takes in what came; `arrived` is empty then.
    mutating func append(_ arrived: inout ContiguousArray<DeliveryBatch>) {
        for batch in arrived { self.unread += Backlog(batch) }
        // Each batch holds the memory it was read into: what has been taken goes before more is kept.
        self.batches.removeFirst(self.nextBatch)
        self.nextBatch = 0
        if self.batches.isEmpty {
            swap(&self.batches, &arrived)
        } else {
            self.batches.append(contentsOf: arrived)
            arrived.removeAll(keepingCapacity: true)
        }
    }

    /// The next delivery.
    mutating func next() -> (block: Block, record: ContentRecord)? {
        while self.nextBatch < self.batches.count {
            let batch = self.batches[self.nextBatch]
            if self.nextRecord == 0 { self.unread -= Backlog(batch) }
            guard self.nextRecord < batch.records.count else {
                self.nextBatch += 1
                self.nextRecord = 0
                continue
            }
            defer { self.nextRecord += 1 }
            return (batch.block, batch.records[self.nextRecord])
        }
        if !self.batches.isEmpty { self.removeAll(keepingCapacity: true) }
        return nil
    }

    /// The next whole batch, for who walks the records itself: either that or ``next()``.
    mutating func takeBatch() -> DeliveryBatch? {
        guard self.nextBatch < self.batches.count else { return nil }
        let batch = self.batches[self.nextBatch]
        self.nextBatch += 1
        self.unread -= Backlog(batch)
        if self.nextBatch == self.batches.count { self.removeAll(keepingCapacity: true) }
        return batch
    }

    /// Drops what the broker has taken back: it comes again, and must not be handed out twice.
    mutating func drop(where isTakenBack: (ContentRecord) -> Bool) {
        var kept: ContiguousArray<DeliveryBatch> = []
        while self.nextBatch < self.batches.count {
            var batch = self.batches[self.nextBatch]
            batch.records.removeFirst(self.nextRecord)
            batch.records.removeAll(where: isTakenBack)
            if !batch.records.isEmpty { kept.append(batch) }
            self.nextBatch += 1
            self.nextRecord = 0
        }
        self.batches = kept
        self.nextBatch = 0
        self.unread = kept.reduce(into: Backlog()) { $0 += Backlog($1) }
    }

    mutating func removeAll(keepingCapacity: Bool = false) {
        self.batches.removeAll(keepingCapacity: keepingCapacity)
        self.nextBatch = 0
        self.nextRecord = 0
        self.unread = Backlog()
    }
}
