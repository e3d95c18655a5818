import AMQPClient
public import AMQPWire

/// One message in a dead-letter queue.
public struct FailedMessage: Sendable {
    let delivery: Delivery
    /// Its `message-id`; without one, a hash of its body and of when and why it failed: `~` and 16 hex digits.
    public let id: String
    /// Everything that travels with it.
    public let properties: BasicProperties
    /// Where it came from when it died, as far as the broker's delivery says.
    public let exchange: String
    /// The same.
    public let routingKey: String

    init(_ delivery: Delivery) {
        self.delivery = delivery
        // What does not decode is shown without: it can still be removed.
        self.properties = (try? delivery.properties) ?? BasicProperties()
        let envelope = try? delivery.envelope
        self.exchange = envelope?.exchange ?? ""
        self.routingKey = envelope?.routingKey ?? ""
        if let id = self.properties.messageID, !id.isEmpty {
            self.id = id
        } else {
            self.id = Self.hash(delivery, self.properties)
        }
    }

    /// FNV-1a: the same at every look and on every machine.
    private static func hash(_ delivery: Delivery, _ properties: BasicProperties) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ octets: some Sequence<UInt8>) {
            for octet in octets { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01b3 }
        }
        delivery.withBody { add($0) }
        add("\(properties.headers?[JobHeaders.errorTime] ?? .void)".utf8)
        add((properties.headers?[JobHeaders.error]?.stringValue ?? "").utf8)
        let digits = String(hash, radix: 16)
        return "~" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// A copy of the body.
    public var body: [UInt8] { self.delivery.body }
    /// Its length in octets.
    public var bodyByteCount: Int { self.delivery.bodyByteCount }

    private func header(_ key: String) -> FieldValue? { self.properties.headers?[key] }

    /// What went wrong; what the broker noted if it put the message here by itself; nil if nobody said.
    public var error: String? { self.header(JobHeaders.error)?.stringValue ?? self.death?["reason"]?.stringValue }
    /// `exhausted`, `rejected`, `failed`, `crashed`; or the broker's word.
    public var failure: String? { self.header(JobHeaders.failure)?.stringValue ?? self.death?["reason"]?.stringValue }
    /// How many attempts were made; nil if nobody counted.
    public var attempts: Int? { self.header(JobHeaders.attempt)?.intValue.map { Int(clamping: $0) } }
    /// When it failed, in seconds since 1970.
    public var failedAt: UInt64? {
        for value in [self.header(JobHeaders.errorTime), self.death?["time"]] {
            if case .timestamp(let seconds)? = value { return seconds }
        }
        return nil
    }
    /// `plugin.handler on HOST`.
    public var place: String? { self.header(JobHeaders.errorPlace)?.stringValue }
    /// The queue it was consumed from.
    public var queue: String? {
        self.header(JobHeaders.queue)?.stringValue ?? self.death?["queue"]?.stringValue
    }

    /// The broker's own note of its last death.
    private var death: FieldTable? { self.header("x-death")?.arrayValue?.first?.tableValue }

    /// What a copy for another try carries: nothing of this failure, but where it was first published.
    var replayProperties: BasicProperties {
        var properties = MessageCopy.properties(
            of: self.properties,
            attempt: nil,
            exchange: self.exchange,
            routingKey: self.routingKey,
            note: nil
        )
        for header in JobHeaders.ofFailure { properties.headers?[header] = nil }
        return properties
    }
}
