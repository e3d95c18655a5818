import AMQPWire
import Synchronization

/// The reader's side of one channel: what a read brings is gathered here and put in the mailbox at its end.
// @unchecked Sendable: all `var`s are touched by whoever drives the core, one thread at a time.
package final class Lane: @unchecked Sendable {
    package let number: UInt16
    package let incarnation: UInt64
    package let mailbox: Mailbox
    let ackLine: AckLine
    /// The broker has ended a consumer by itself; for those who can not wait for its owner to look.
    let hasLostConsumer = Atomic<Bool>(false)
    /// The broker has taken deliveries back that were not settled in time.
    let hasTimedOut = Atomic<Bool>(false)

    var assembler = ContentAssembler()
    // Unchecked: looked at for each delivery, and set by whoever drives the core, one thread at a time, in no call that looks.
    @exclusivity(unchecked) package var isOpen = false
    var isDirty = false
    /// Whether the next frame goes on with a content that is in `assembler`; beside it, because each delivery looks.
    var isMidContent = false
    let records = RecordBuffer()
    private(set) var batches: ContiguousArray<DeliveryBatch> = []
    private var batchedBytes = 0
    private(set) package var events: ContiguousArray<ChannelEvent> = []
    private var eventBytes = 0
    var origin: DeliveryOrigin

    /// - Parameters:
    ///   - number: The channel's.
    ///   - incarnation: The channel's.
    ///   - mailbox: Its owner's.
    ///   - isReused: Whether another channel had the number before.
    package init(number: UInt16, incarnation: UInt64, mailbox: Mailbox, isReused: Bool = false) {
        self.origin = DeliveryOrigin(isReused: isReused)
        self.number = number
        self.incarnation = incarnation
        self.mailbox = mailbox
        self.ackLine = AckLine(number: number)
    }

    /// Whether a checked `basic.deliver`, whose payload begins at `start`, is of this life of the number.
    func isOwn(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ deliveryTag: UInt64) -> Bool {
        let origin = self.origin
        let consumerTag = bytes[start + 5..<start + 5 + Int(bytes[start + 4])]
        return origin.isOwn(deliveryTag, consumerTag: UnsafeRawBufferPointer(rebasing: consumerTag))
    }

    /// Closes the batch of the block that is being read.
    func sealBatch(_ block: Block) {
        guard self.records.count > 0 else { return }
        self.append(DeliveryBatch(block: block, records: self.records.take()))
    }

    func append(_ batch: DeliveryBatch) {
        self.batchedBytes += batch.weight
        self.batches.append(batch)
    }

    /// - Parameters:
    ///   - event: For the owner.
    ///   - bytes: Octets of a content that it holds.
    package func append(_ event: ChannelEvent, holding bytes: Int = 0) {
        self.eventBytes += 64 + bytes
        self.events.append(event)
    }

    /// Drops what was gathered of deliveries.
    func dropDeliveries() {
        self.assembler.reset()
        self.isMidContent = false
        self.records.removeAll()
        self.batches.removeAll()
        self.batchedBytes = 0
    }

    /// Octets that may wait for an owner, where nothing else bounds them, before the socket is not read any further.
    static let queueLimit = 64 << 20

    /// One lock, at most one wake-up.
    ///
    /// - Returns: false if the owner does not keep up with what nothing but TCP bounds.
    package func handOver() -> Bool {
        self.isDirty = false
        guard !self.batches.isEmpty || !self.events.isEmpty else { return true }
        let bytes = (deliveries: self.batchedBytes, events: self.eventBytes)
        self.batchedBytes = 0
        self.eventBytes = 0
        return self.mailbox.put(self.incarnation, batches: &self.batches, events: &self.events, bytes: bytes)
            <= Self.queueLimit
    }
}
