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
    /// How many it has ended so.
    let lostConsumers = Atomic<Int>(0)
    /// The broker has taken deliveries back that were not settled in time.
    let hasTimedOut = Atomic<Bool>(false)
    /// Publishes that the broker may return; the owner alone adds to it.
    let mandatoryPublishes = Atomic<UInt64>(0)
    /// Deliveries that came with the end of the channel, and were not handed over.
    let droppedDeliveries = Atomic<Int>(0)

    var assembler = ContentAssembler()
    // Unchecked, these and `origin`: looked at for each delivery, and set by whoever drives the core, one thread at a time, in
    // no call that looks.
    @exclusivity(unchecked) package var isOpen = false
    @exclusivity(unchecked) var isDirty = false
    /// Whether the next frame goes on with a content that is in `assembler`; beside it, because each delivery looks.
    @exclusivity(unchecked) var isMidContent = false
    let records = RecordBuffer()
    private(set) var batches: ContiguousArray<DeliveryBatch> = []
    private var batched = Backlog()
    private(set) package var events: ContiguousArray<ChannelEvent> = []
    private var eventBytes = 0
    private var returned: UInt64 = 0
    var offence: FloodOffence?
    /// Octets that waited for its owner, as the last hand-over told.
    var waitingBytes = 0
    @exclusivity(unchecked) var origin: DeliveryOrigin

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
    func sealBatch(_ block: Block, now: UInt64) {
        guard self.records.count > 0 else { return }
        self.append(DeliveryBatch(block: block, records: self.records.take(), arrivedAt: now))
    }

    func append(_ batch: DeliveryBatch) {
        self.batched += Backlog(batch)
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
        let count = self.batches.reduce(self.records.count) { $0 + $1.records.count }
        self.droppedDeliveries.add(count, ordering: .relaxed)  // read after the mailbox's lock
        self.assembler.reset()
        self.isMidContent = false
        self.records.removeAll()
        self.batches.removeAll()
        self.batched = Backlog()
    }

    /// A message came back.
    ///
    /// - Returns: false if it can be none of those that were published as mandatory: it is not to be kept.
    func returnReceived() -> Bool {
        self.returned += 1
        let strays = self.origin.hasNoPast ? 0 : WaitingLimit.strayReturns
        if self.returned <= self.mandatoryPublishes.load(ordering: .acquiring) + strays { return true }
        self.offence = .returnsWithoutPublish
        return false
    }

    /// One lock, at most one wake-up.
    ///
    /// - Returns: What waits for the owner now.
    package func handOver() -> MailboxStanding {
        self.isDirty = false
        guard !self.batches.isEmpty || !self.events.isEmpty else {
            return MailboxStanding(unboundedBytes: self.waitingBytes, offence: self.offence)
        }
        let (deliveries, eventBytes) = (self.batched, self.eventBytes)
        self.batched = Backlog()
        self.eventBytes = 0
        var standing = self.mailbox.put(
            self.incarnation,
            batches: &self.batches,
            events: &self.events,
            deliveries: deliveries,
            eventBytes: eventBytes
        )
        if let offence = self.offence { standing.offence = offence }
        return standing
    }
}
