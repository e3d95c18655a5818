package import AMQPWire

/// What a broker noted when it dead-lettered a message by itself: an entry of its `x-death` header.
package struct BrokerDeath: Equatable, Sendable {
    /// The queue it died in.
    package let queue: String?
    /// `rejected`, `expired`, `maxlen` or `delivery_limit`.
    package let reason: String?
    /// How it had been published to that queue: a text, of any octets.
    package let exchange: FieldValue?
    /// The same.
    package let routingKey: FieldValue?
    /// Seconds since 1970.
    package let time: UInt64?

    /// All that are noted, the latest first.
    ///
    /// - Parameter headers: A message's; anybody may have written them.
    /// - Returns: Those that are tables.
    package static func all(in headers: FieldTable?) -> [BrokerDeath] {
        (headers?["x-death"]?.arrayValue ?? []).compactMap { $0.tableValue.map(Self.init) }
    }

    private init(_ note: FieldTable) {
        self.queue = note["queue"]?.stringValue
        self.reason = note["reason"]?.stringValue
        self.exchange = Self.text(note["exchange"])
        self.routingKey = Self.text(note["routing-keys"]?.arrayValue?.first)
        if case .timestamp(let seconds)? = note["time"] { self.time = seconds } else { self.time = nil }
    }

    private static func text(_ value: FieldValue?) -> FieldValue? { value?.textOctets == nil ? nil : value }
}
