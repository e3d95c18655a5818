import AMQPClient
import AMQPWire

/// The messages of a job that a handler has hung on, until each comes again and the attempt is counted.
///
/// In memory: after a restart, or on another host, such a message is a redelivered one like others.
final class HungMessages: Sendable {
    private let monitor = Monitor<[MessageFingerprint]>([])
    /// Messages that never come again, because somebody else has them, must not pile up.
    private static let limit = 1000

    func note(_ message: MessageFingerprint) {
        self.monitor.withLock { messages in
            if messages.count == Self.limit { messages.removeFirst() }
            messages.append(message)
        }
    }

    /// Whether it was noted; once for each time.
    func take(_ message: @autoclosure () -> MessageFingerprint) -> Bool {
        guard self.monitor.withLock({ !$0.isEmpty }) else { return false }
        let message = message()
        return self.monitor.withLock { messages in
            guard let index = messages.firstIndex(of: message) else { return false }
            messages.remove(at: index)
            return true
        }
    }
}

/// What tells a message from others when it comes again: all but what the broker counts in its headers.
struct MessageFingerprint: Hashable, Sendable {
    private let value: Int

    init(_ record: ContentRecord, _ bytes: UnsafeRawBufferPointer) {
        func slice(_ offset: UInt32, _ length: UInt32) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: bytes[Int(offset)..<Int(offset) + Int(length)])
        }
        let strings = DeliverStrings(slice(record.methodOffset, record.methodLength))
        var hasher = Hasher()
        hasher.combine(bytes: strings.exchange)
        hasher.combine(0 as UInt8)
        hasher.combine(bytes: strings.routingKey)
        var reader = WireReader(slice(record.headerOffset, record.headerLength))
        if (try? reader.skip(12)) != nil, let properties = try? BasicProperties(from: &reader) {
            hasher.combine(properties.messageID)
            hasher.combine(properties.correlationID)
            hasher.combine(properties.type)
            hasher.combine(properties.timestamp)
            hasher.combine(MessageCopy.attempt(properties.headers))
        }
        hasher.combine(bytes: slice(record.bodyOffset, record.bodyLength))
        self.value = hasher.finalize()
    }
}
