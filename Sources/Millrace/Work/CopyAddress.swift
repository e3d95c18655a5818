/// Where a copy goes.
struct CopyAddress: Hashable, CustomStringConvertible {
    let exchange: String
    /// Octets: a message may have come with a key that is not UTF-8, and its dead letter keeps it.
    let routingKey: [UInt8]
    /// What ``ParkingQueues`` knows it by: its queue, or `exchange NAME`.
    let key: String

    init(exchange: String, routingKey: [UInt8], key: String) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.key = key
    }

    /// A queue, by the default exchange.
    init(queue: String) { self.init(exchange: "", routingKey: Array(queue.utf8), key: queue) }

    var description: String {
        self.exchange.isEmpty ? "'\(String(decoding: self.routingKey, as: UTF8.self))'" : "exchange '\(self.exchange)'"
    }
}

/// An address that was there when it was looked for, and the note for a wait.
struct CopyPlace {
    let address: CopyAddress
    let delay: DelayNote?
}
