import AMQPCore
import Logging

/// A consumer that goes on: through lost connections, ended channels, and queues that are deleted and made again.
///
/// It belongs to the thread that made it: it is not `Sendable`, and it works only while that thread is in
/// ``next(timeout:)``. A delivery whose connection or channel has ended comes again from the broker, marked
/// `redelivered`; its late ack is dropped and counted (C54), so a handler need not know.
///
///     let consumer = RecoveringConsumer(on: connection, queue: "orders")
///     while let delivery = try consumer.next() {
///         work(on: delivery)
///         try consumer.ack(delivery)
///     }
public final class RecoveringConsumer {
    private enum Source {
        case named(String)
        case recorded(RecordedQueue)
    }
    private let recovery: RecoveringConnection
    private let source: Source
    private let options: ConsumerOptions
    /// Where its owner waits for more than deliveries, and what ends the wait for a channel; nil if it waits for those alone.
    private let waiting: (mailbox: Mailbox, interrupts: UInt32)?
    private var inbox = Inbox()
    private var isQuiet = false
    private var backoff: Backoff
    private var connection: Connection?
    private var channel: Channel?
    private var queueName = ""
    private var mustDeclare = false
    private var pausedUntil: UInt64 = 0
    private var isClosed = false
    private var droppedAcks = 0
    private var hasConsumer = false

    /// Consumers started so far, each seen as running (`basic.consume-ok`).
    public private(set) var generation = 0
    /// Whether the broker has confirmed the consumer of this generation, and it has not ended since.
    ///
    /// True to the moment: also while its owner works on a delivery.
    public var isConsuming: Bool { self.hasConsumer && self.channel?.watch.hasLostConsumer == false }
    /// Why it does not consume; nil while it does.
    public private(set) var lastError: AMQPError?
    /// Called on the owner's thread after each start, with the generation.
    public var onConsuming: ((Int) -> Void)?

    /// A consumer of a queue by name.
    ///
    /// If the queue is recorded in the connection's topology, it is declared again when it is missing; otherwise the
    /// consumer waits until somebody makes it. Nothing is sent before the first ``next(timeout:)``.
    public convenience init(
        on connection: RecoveringConnection,
        queue: String,
        options: ConsumerOptions = ConsumerOptions()
    ) {
        self.init(connection, Self.source(queue, connection), options)
    }

    /// A consumer for an owner that waits for more than deliveries, see ``nextOrSignal()``.
    ///
    /// - Parameters:
    ///   - connection: Tells `mailbox` of another connection.
    ///   - queue: As above.
    ///   - options: As above.
    ///   - mailbox: Where the owner waits.
    ///   - interrupts: Signals that end the wait for a channel.
    convenience init(
        on connection: RecoveringConnection,
        queue: String,
        options: ConsumerOptions,
        mailbox: Mailbox,
        interrupts: UInt32
    ) {
        self.init(connection, Self.source(queue, connection), options, (mailbox, interrupts))
    }

    private static func source(_ queue: String, _ connection: RecoveringConnection) -> Source {
        connection.topology.queue(named: queue).map(Source.recorded) ?? .named(queue)
    }

    /// A consumer of a recorded queue, which follows it to a new name.
    public convenience init(
        on connection: RecoveringConnection,
        queue: RecordedQueue,
        options: ConsumerOptions = ConsumerOptions()
    ) {
        self.init(connection, .recorded(queue), options)
    }

    private init(
        _ connection: RecoveringConnection,
        _ source: Source,
        _ options: ConsumerOptions,
        _ waiting: (mailbox: Mailbox, interrupts: UInt32)? = nil
    ) {
        self.waiting = waiting
        self.recovery = connection
        self.source = source
        self.options = options
        self.backoff = Backoff(connection.settings)
    }

    // MARK: Deliveries

    /// The next delivery; nil when `timeout` passes first.
    ///
    /// - Parameter timeout: nil waits without end. Opening a channel again may take longer: up to the connection's
    ///   `requestTimeout` for each answer of the broker.
    /// - Returns: The delivery, or nil.
    /// - Throws: Why there will be none: the connection was stopped or gave up, or this consumer was closed.
    @available(*, noasync, message: "it blocks its thread")
    public func next(timeout: Duration? = nil) throws(AMQPError) -> Delivery? {
        let deadline = MonotonicClock.deadline(in: timeout)
        while true {
            if self.isClosed { throw .ended(.call, "the consumer was closed by its owner") }
            do throws(AMQPError) {
                if let channel = self.channel { return try channel.nextDelivery(until: deadline) }
            } catch {
                self.ended(error)
                continue
            }
            guard try self.mayOpen(until: deadline) else { return nil }
        }
    }

    // MARK: For an owner with a mailbox

    /// The next delivery; nil when something came that its owner is to look at, who calls again.
    ///
    /// - Throws: As ``next(timeout:)``.
    func nextOrSignal() throws(AMQPError) -> Delivery? {
        do throws(AMQPError) {
            if let channel = self.channel {
                defer { _ = channel.takeSignals() }
                return try channel.nextDeliveryOrSignal(until: nil)
            }
        } catch {
            self.ended(error)
        }
        var wake: UInt64?
        if !self.isQuiet {
            if self.pausedUntil <= MonotonicClock.now() {
                self.pausedUntil = 0
                if try self.mayOpen(until: 0) { return nil }
            }
            wake = self.pausedUntil > 0 ? self.pausedUntil : nil
        }
        guard self.waiting?.mailbox.take(into: &self.inbox, until: wake) == true else { return nil }
        self.inbox.batches.removeAll()
        self.inbox.events.removeAll()
        self.inbox.signals = 0
        return nil
    }

    /// The channel's life; nil while there is none.
    var incarnation: UInt64? { self.channel?.incarnation }

    /// Ends the consumer, and leaves its channel open for what is in hand.
    ///
    /// - Parameter time: How long each answer of the broker may take, from here on.
    /// - Returns: What came and was not handed out.
    func quiet(within time: Duration) -> [Delivery] {
        self.isQuiet = true
        guard let channel = self.channel else { return [] }
        channel.requestTimeout = time
        channel.cancelConsumers()
        return channel.takeRest()
    }

    // MARK: Settling

    /// Acknowledges a delivery; drops and counts the ack if its channel has ended.
    ///
    /// - Throws: `.refusedLocally` for a delivery that is settled already, or of another channel that is open.
    public func ack(_ delivery: Delivery) throws(AMQPError) {
        try self.settle(delivery) { (channel) throws(AMQPError) in try channel.ack(delivery) }
    }

    /// Acknowledges every delivery of the same generation up to this one.
    public func ackAll(upTo delivery: Delivery) throws(AMQPError) {
        try self.settle(delivery) { (channel) throws(AMQPError) in try channel.ackAll(upTo: delivery) }
    }

    /// Gives a delivery back, which new brokers do not count as a failure.
    public func nack(_ delivery: Delivery, requeue: Bool = true) throws(AMQPError) {
        try self.settle(delivery) { (channel) throws(AMQPError) in try channel.nack(delivery, requeue: requeue) }
    }

    /// Refuses a delivery: without `requeue` it goes to the queue's dead-letter target.
    public func reject(_ delivery: Delivery, requeue: Bool = false) throws(AMQPError) {
        try self.settle(delivery) { (channel) throws(AMQPError) in try channel.reject(delivery, requeue: requeue) }
    }

    private func settle(
        _ delivery: Delivery,
        _ step: (Channel) throws(AMQPError) -> Void
    ) throws(AMQPError) {
        guard let channel = self.channel else {
            try delivery.throwIfOpenElsewhere()
            self.droppedAcks += 1
            return
        }
        do throws(AMQPError) {
            try step(channel)
        } catch {
            // An ended channel has counted the ack, unless the delivery is not of this consumer; the next call of `next` opens
            // another one.
            if channel.isOpen || error.code == .refusedLocally { throw error }
        }
    }

    /// Acks and refusals that were never sent, because their channel had ended; those messages come again.
    public var droppedAckCount: Int { self.droppedAcks + (self.channel?.droppedAckCount ?? 0) }

    // MARK: Opening and ending

    /// Ends the consumer; what it has in hand goes back to the queue.
    ///
    /// Acks given before are sent first.
    @available(*, noasync, message: "it blocks its thread")
    public func close() {
        self.isClosed = true
        if !self.options.noAck { self.channel?.cancelConsumers() }
        self.leaveChannel()
    }

    /// Opens a channel when it is time for that.
    ///
    /// - Returns: false when the deadline passes first.
    private func mayOpen(until deadline: UInt64?) throws(AMQPError) -> Bool {
        if self.pausedUntil > 0 {
            try self.recovery.pause(until: min(self.pausedUntil, deadline ?? .max))
            guard MonotonicClock.now() >= self.pausedUntil else { return false }
            self.pausedUntil = 0
        }
        guard let connection = try self.recovery.connection(until: deadline) else { return false }
        self.connection = connection
        do throws(AMQPError) {
            try self.open(on: connection)
        } catch {
            self.ended(error)
        }
        return true
    }

    private func open(on connection: Connection) throws(AMQPError) {
        let channel =
            if let waiting {
                try connection.openChannel(mailbox: waiting.mailbox, interrupts: waiting.interrupts)
            } else {
                try connection.openChannel()
            }
        self.channel = channel
        // Later requests are its last words: the owner waits for their answers.
        defer { channel.interrupts = 0 }
        try self.findQueue(channel, connection)
        channel.batchAcks(self.options.ackBatch)
        if self.options.prefetch > 0 { try channel.prefetch(self.options.prefetch) }
        try channel.consume(
            self.queueName,
            noAck: self.options.noAck,
            exclusive: self.options.exclusive,
            arguments: self.options.arguments
        )
        self.mustDeclare = false
        self.backoff.reset()
        self.lastError = nil
        self.hasConsumer = true
        self.generation += 1
        self.onConsuming?(self.generation)
    }

    private func findQueue(_ channel: Channel, _ connection: Connection) throws(AMQPError) {
        switch self.source {
        case .named(let name): self.queueName = name
        case .recorded(let queue):
            let name = queue.name
            // A server-named queue that has another name by now was declared again by a neighbour.
            if let name, !self.mustDeclare || (queue.requestedName.isEmpty && name != self.queueName) {
                self.queueName = name
            } else {
                self.queueName = try self.recovery.topology.declare(queue, on: channel, of: connection)
            }
        }
    }

    private func ended(_ error: AMQPError) {
        self.leaveChannel()
        self.lastError = error
        if error.scope == .connection {
            if let connection = self.connection { self.recovery.forget(connection) }
            self.connection = nil
            return
        }
        self.mustDeclare = true
        let wait = self.backoff.next(random: ProcessRandom.share())
        self.pausedUntil = MonotonicClock.now() &+ wait
        self.recovery.logger.warning(
            "a consumer's channel ended; another one is opened",
            metadata: ["queue": "\(self.queueName)", "reason": "\(error)", "after_ms": .number(wait / 1_000_000)]
        )
    }

    private func leaveChannel() {
        self.hasConsumer = false
        guard let channel = self.channel else { return }
        channel.close()
        self.droppedAcks += channel.droppedAckCount
        self.channel = nil
    }
}
