import AMQPWire

/// The event loop's side of one channel: what a read brings is gathered here and put in the mailbox at its end.
// @unchecked Sendable: all `var`s are touched by the event loop alone.
package final class Lane: @unchecked Sendable {
    package let number: UInt16
    package let incarnation: UInt64
    package let mailbox: Mailbox
    let ackLine: AckLine

    var assembler = ContentAssembler()
    package var isOpen = false
    var isDirty = false
    var records: ContiguousArray<ContentRecord> = []
    var batches: ContiguousArray<DeliveryBatch> = []
    var events: ContiguousArray<ChannelEvent> = []

    package init(number: UInt16, incarnation: UInt64, mailbox: Mailbox) {
        self.number = number
        self.incarnation = incarnation
        self.mailbox = mailbox
        self.ackLine = AckLine(number: number)
    }

    /// Closes the batch of the block that is being read.
    func sealBatch(_ block: Block) {
        guard !self.records.isEmpty else { return }
        let capacity = self.records.count
        var records: ContiguousArray<ContentRecord> = []
        records.reserveCapacity(capacity)
        swap(&records, &self.records)
        self.batches.append(DeliveryBatch(block: block, records: records))
    }

    /// One lock, at most one wake-up.
    func handOver() {
        self.isDirty = false
        guard !self.batches.isEmpty || !self.events.isEmpty else { return }
        self.mailbox.put(self.incarnation, batches: &self.batches, events: &self.events)
    }
}
