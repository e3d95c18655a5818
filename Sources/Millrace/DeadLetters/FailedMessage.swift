import AMQPClient
public import AMQPWire

/// One message in a dead-letter queue.
public struct FailedMessage: Sendable {
    private let delivery: Delivery
    /// Its `message-id`; without one `~` and a hash of what stays the same in it, with a number if others are equal.
    public let id: String
    /// Its place at this look, from 1, the oldest first.
    public let place: Int
    /// Everything that travels with it; what is odd is kept as it came.
    public let properties: BasicProperties
    /// The exchange that it came here by.
    public let exchange: String
    /// The routing key that it came here with.
    public let routingKey: String
    /// What the broker noted about its deaths, the latest first.
    private let deaths: [BrokerDeath]

    init(_ delivery: Delivery, place: Int, names: inout DeadLetterNames) {
        self.delivery = delivery
        self.place = place
        let properties = delivery.legibleProperties
        self.properties = properties
        self.deaths = BrokerDeath.all(in: properties.headers)
        let envelope = try? delivery.envelope
        self.exchange = envelope?.exchange ?? ""
        self.routingKey = envelope?.routingKey ?? ""
        if let id = self.properties.messageID, !id.isEmpty {
            self.id = id
        } else {
            let properties = self.properties
            self.id = names.next(delivery.withBody { DeadLetterNames.hash($0, properties) })
        }
    }

    var tag: UInt64 { self.delivery.deliveryTag }
    /// A copy of the body.
    public var body: [UInt8] { self.delivery.body }
    /// Its length in octets.
    public var bodyByteCount: Int { self.delivery.bodyByteCount }
    /// Whether the broker gave it out before: every look does.
    public var redelivered: Bool { self.delivery.redelivered }

    /// How often a quorum queue has given it out in vain; nil for another queue, or the first time.
    public var deliveryCount: Int? { self.header("x-delivery-count")?.intValue.map { Int(clamping: $0) } }

    private func header(_ key: String) -> FieldValue? { self.properties.headers?[key] }

    /// What went wrong; what the broker noted if it put the message here by itself; nil if nobody said.
    public var error: String? { self.header(JobHeaders.error)?.stringValue ?? self.deaths.first?.reason }
    /// `exhausted`, `rejected`, `failed`, `crashed`, `hung`; or the broker's word.
    public var failure: String? { self.header(JobHeaders.failure)?.stringValue ?? self.deaths.first?.reason }
    /// How many attempts were made; nil if nobody counted.
    public var attempts: Int? { self.header(JobHeaders.attempt)?.intValue.map { Int(clamping: $0) } }
    /// When it failed, in seconds since 1970.
    public var failedAt: UInt64? {
        if case .timestamp(let seconds)? = self.header(JobHeaders.errorTime) { return seconds }
        return self.deaths.first?.time
    }
    /// `plugin.handler on HOST`.
    public var errorPlace: String? { self.header(JobHeaders.errorPlace)?.stringValue }
    /// The queue it was consumed from, or died in.
    public var queue: String? { self.header(JobHeaders.queue)?.stringValue ?? self.deaths.first?.queue }

    /// Whether it came from this queue, as far as anybody noted: queues may share one for dead letters.
    public func mayHaveCome(from queue: String) -> Bool {
        if let noted = self.header(JobHeaders.queue)?.stringValue { return noted == queue }
        let noted = self.deaths.compactMap(\.queue)
        return noted.isEmpty || noted.contains(queue)
    }

    /// What its copy carries.
    func replayProperties(to jobQueue: String, seal: CopySeal) -> BasicProperties {
        ReplayProperties.of(
            self.properties,
            exchange: FieldValue(textOctets: self.delivery.exchangeOctets),
            routingKey: FieldValue(textOctets: self.delivery.routingKeyOctets),
            to: jobQueue,
            seal: seal
        )
    }
}
