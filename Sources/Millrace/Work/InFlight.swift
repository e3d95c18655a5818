import Logging
import AMQPClient
import AMQPWire
import CMillraceABI

/// One delivery in a handler's hand: what the ABI calls a token.
///
/// Reused for the next delivery when it is settled.
///
/// Touched by its worker's thread alone.
final class InFlight {
    unowned let hands: Hands
    /// The octets of the message; `owner` keeps them while an async handler is at it.
    var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    // Unchecked, and what else is: set for each delivery, by its worker's thread alone, in no call that looks.
    @exclusivity(unchecked) var owner: AnyObject?
    @exclusivity(unchecked) var record = ContentRecord(
        deliveryTag: 0,
        redelivered: false,
        method: 0..<0,
        header: 0..<0,
        body: 0..<0
    )
    var incarnation: UInt64 = 0
    var beganAt: UInt64 = 0
    /// The same to the nanosecond, if it is timed.
    @exclusivity(unchecked) var timedFrom: UInt64 = 0
    /// How many deliveries its time stands for; 0 if it is not timed.
    @exclusivity(unchecked) var timeWeight = 0

    /// Its place in the crash ledger while its handler is at it.
    @exclusivity(unchecked) var ledgerEntry: LedgerEntry?
    /// From begin to complete.
    var isInHand = false
    /// Its handler has been asked to end early.
    var wasCancelled = false
    /// It was asked to by a drain, not by its job's timeout.
    var isCutShort = false
    /// It ran longer than its job's timeout, which has been reported.
    var hasOverrun: Bool { self.wasCancelled && !self.isCutShort }
    var verdict = HandlerVerdict.ack
    var reason: String?
    /// How long it snoozes, in nanoseconds.
    var delay: UInt64 = 0
    /// Where it was first published, if it is one of our copies; given to the handler as the message's own.
    var origin: MessageOrigin?
    @exclusivity(unchecked) var publications: [Publication] = []

    private var decodedProperties = BasicProperties()
    private var hasDecodedProperties = false
    /// Holds the string that the last property or header call gave out.
    private var scratch: [UInt8] = []

    init(hands: Hands) { self.hands = hands }

    /// The `millrace_token` of the ABI.
    var pointer: OpaquePointer { OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }

    @inline(__always)
    static func of(_ pointer: OpaquePointer) -> Unmanaged<InFlight> {
        Unmanaged<InFlight>.fromOpaque(UnsafeRawPointer(pointer))
    }

    @inline(__always)
    func begin(_ record: ContentRecord, _ bytes: UnsafeRawBufferPointer, incarnation: UInt64) {
        self.record = record
        self.bytes = bytes
        self.incarnation = incarnation
        self.isInHand = true
        self.wasCancelled = false
        self.isCutShort = false
        self.verdict = .ack
        if self.reason != nil { self.reason = nil }
        if self.origin != nil { self.origin = nil }
        self.hasDecodedProperties = false
    }

    func complete(_ outcome: UnsafePointer<millrace_outcome>) {
        guard self.isInHand else {
            self.hands.handle.logger.error(
                "a handler completed the same delivery twice; the second outcome is ignored"
            )
            return
        }
        self.isInHand = false
        switch outcome.pointee.kind {
        case MILLRACE_ACK.rawValue: self.verdict = .ack
        case MILLRACE_RETRY.rawValue: self.verdict = .retry
        case MILLRACE_REJECT.rawValue: self.verdict = .reject
        case MILLRACE_REQUEUE.rawValue: self.verdict = .requeue
        case MILLRACE_SNOOZE.rawValue:
            self.verdict = .snooze
            self.delay = outcome.pointee.delay_ns
        case MILLRACE_DISCARD.rawValue: self.verdict = .discard
        case MILLRACE_STOP.rawValue: self.verdict = .stop
        case MILLRACE_ALONE.rawValue: self.verdict = .alone
        default:
            self.verdict = .reject
            self.reason = "the handler gave outcome \(outcome.pointee.kind), which ABI version 1 does not have"
            return
        }
        if outcome.pointee.reason.length > 0 { self.reason = String(outcome.pointee.reason) }
    }

    func slice(_ offset: UInt32, _ length: UInt32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self.bytes[Int(offset)..<Int(offset) + Int(length)])
    }

    /// Decoded when asked for, once per delivery.
    ///
    /// What is odd in them is kept as it came, so that a copy carries it on.
    var properties: BasicProperties {
        if !self.hasDecodedProperties { self.decodeProperties() }
        return self.decodedProperties
    }

    @inline(never)  // few handlers ask for them
    private func decodeProperties() {
        let properties = BasicProperties(salvaging: self.slice(self.record.headerOffset, self.record.headerLength))
        if properties.isCutShort {
            self.hands.handle.logger.warning("octets are missing in the properties of a message; the others are kept")
        }
        self.decodedProperties = properties
        self.hasDecodedProperties = true
    }

    /// Whether it is a copy of ours, whose headers can be believed; nothing is decoded for what has none of them.
    var isCopy: Bool {
        let header = self.slice(self.record.headerOffset, self.record.headerLength)
        guard HeldDelivery.hasHeaders(header) else { return false }
        return self.isSealedCopy(header)
    }

    @inline(never)  // most messages have no headers
    private func isSealedCopy(_ header: UnsafeRawBufferPointer) -> Bool {
        HeldDelivery.mayBeCopy(header) && self.hands.seal.isOurs(self.properties)
    }

    /// Its octets, while they are kept for it.
    var block: Block? { self.owner.map { Block(bytes: self.bytes, owner: $0) } }

    /// As it is kept after its handler.
    var held: HeldDelivery { HeldDelivery(record: self.record, bytes: self.bytes, owner: self.owner) }

    /// What its handler wants to become of it.
    var settling: Settling {
        Settling(
            verdict: self.verdict,
            reason: self.reason,
            delay: self.delay,
            attempt: self.countedAttempt,
            shownAttempt: Int(self.attempt),
            isCutShort: self.isCutShort
        )
    }

    /// As the ABI gives it; valid as long as the delivery is in hand.
    @inline(__always)
    var message: millrace_message {
        let record = self.record
        let strings = DeliverStrings(self.slice(record.methodOffset, record.methodLength))
        let isCopy = self.isCopy
        let origin = isCopy ? self.readOrigin(strings) : nil
        return millrace_message(
            size: MemoryLayout<millrace_message>.size,
            body: millrace_bytes(self.slice(record.bodyOffset, record.bodyLength)),
            exchange: origin?.exchangeBytes ?? millrace_bytes(strings.exchange),
            routing_key: origin?.routingKeyBytes ?? millrace_bytes(strings.routingKey),
            attempt: record.redelivered || isCopy ? self.attempt : 1,
            redelivered: record.redelivered ? 1 : 0
        )
    }

    /// Where one of our copies was first published.
    @inline(never)
    func readOrigin(_ strings: DeliverStrings) -> MessageOrigin {
        let headers = self.properties.headers
        let origin = MessageOrigin(
            exchange: headers?[JobHeaders.exchange]?.textOctets ?? Array(strings.exchange),
            routingKey: headers?[JobHeaders.routingKey]?.textOctets ?? Array(strings.routingKey)
        )
        self.origin = origin
        return origin
    }

    /// The attempt that our own header counts: what `retry` goes by.
    var countedAttempt: Int {
        self.isCopy ? MessageCopy.attempt(self.properties.headers, at: self.held.queue(of: self.hands.handle.job)) : 1
    }

    /// 1 for the first; our header counts, quorum queues count, other queues only say "again".
    var attempt: UInt32 {
        @inline(never) get { self.countAttempts() }
    }

    private func countAttempts() -> UInt32 {
        let counted = UInt32(clamping: self.countedAttempt)
        guard self.record.redelivered else { return counted }
        let again = self.properties.headers?["x-delivery-count"]?.intValue ?? 1
        // A publisher may have put any number there.
        let (sum, isTooMuch) = counted.addingReportingOverflow(UInt32(clamping: max(again, 0)))
        return isTooMuch ? .max : sum
    }

    /// Whether its handler should end early: the worker is told to stop, or the job's timeout has passed.
    var shouldEnd: Bool {
        if self.wasCancelled { return true }
        if let timeout = self.hands.timeout, MonotonicClock.now() > self.beganAt &+ timeout { return true }
        guard self.hands.handle.isCancelled else { return false }
        self.isCutShort = true
        return true
    }

    // MARK: For the ABI's readers

    func give(
        _ text: BasicProperties.Text,
        of properties: BasicProperties,
        _ value: UnsafeMutablePointer<millrace_value>
    ) {
        guard let octets = properties[octets: text] else { return value.pointee.kind = MILLRACE_NONE.rawValue }
        self.give(octets, properties.isUTF8(text) ? MILLRACE_STRING : MILLRACE_BYTES, value)
    }

    func give(_ bytes: [UInt8], _ kind: millrace_value_kind, _ value: UnsafeMutablePointer<millrace_value>) {
        self.scratch = bytes
        value.pointee.kind = kind.rawValue
        value.pointee.bytes = self.scratch.withUnsafeBufferPointer {
            // The array is not touched until the next call, which is how long the ABI promises it.
            millrace_bytes(data: $0.baseAddress, length: $0.count)
        }
    }

    func give(_ integer: Int64?, _ value: UnsafeMutablePointer<millrace_value>) {
        guard let integer else { return value.pointee.kind = MILLRACE_NONE.rawValue }
        value.pointee.kind = MILLRACE_INTEGER.rawValue
        value.pointee.integer = integer
    }
}

extension String {
    /// A copy of the ABI's octets; what is not UTF-8 is replaced.
    init(_ bytes: millrace_bytes) { self = String(decoding: bytes.octets, as: UTF8.self) }
}

extension millrace_bytes {
    /// The octets; none for a NULL with a length, which only a faulty plugin gives.
    var octets: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: self.data, count: self.data == nil ? 0 : self.length)
    }

    /// Whether it is what the ABI allows: NULL only without a length, and not longer than `limit`.
    func isValid(limit: Int = .max) -> Bool { (self.data != nil || self.length == 0) && self.length <= limit }

    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(data: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), length: bytes.count)
    }
}
