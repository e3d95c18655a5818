package import AMQPWire

/// What a broker says it is (C5), and what follows from it that it does not say.
package struct BrokerVersion: Sendable, Equatable {
    /// For instance `RabbitMQ`; empty if it does not say.
    package let product: String
    /// The first two numbers of its version; 0 where there is none.
    package let major: Int
    package let minor: Int

    /// - Parameter serverProperties: Of connection.start.
    package init(_ serverProperties: FieldTable) {
        self.product = serverProperties["product"]?.stringValue ?? ""
        let numbers = (serverProperties["version"]?.stringValue ?? "").split(separator: ".").map { Int($0) ?? 0 }
        self.major = numbers.first ?? 0
        self.minor = numbers.dropFirst().first ?? 0
    }

    /// Whether a delivery limit of -1 is none.
    ///
    /// Before RabbitMQ 4.0, where a quorum queue has none unless it asks for one, a message is dead after its first delivery
    /// with it.
    package var takesUnlimitedDeliveries: Bool { self.product == "RabbitMQ" && self.major >= 4 }

    /// Whether what a quorum queue gets back by a nack counts like what it gets back by a channel's end: both do until
    /// RabbitMQ 4.3.
    package var countsNacks: Bool {
        self.product == "RabbitMQ" && (self.major < 4 || (self.major == 4 && self.minor < 3))
    }

    /// Whether `basic.cancel` from the broker may mean that a delivery was not settled in time (C61).
    ///
    /// RabbitMQ does so from 4.3 on; before, a cancel is about the queue.
    package var cancelsAtTimeout: Bool {
        self.product != "RabbitMQ" || self.major > 4 || (self.major == 4 && self.minor >= 3)
    }
}
