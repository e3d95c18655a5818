import CMillraceABI

/// Where a message was first published, kept for as long as its handler may look at it.
final class MessageOrigin {
    let exchange: [UInt8]
    let routingKey: [UInt8]

    /// Names and keys are octets: nobody holds them to UTF-8.
    init(exchange: [UInt8], routingKey: [UInt8]) {
        self.exchange = exchange
        self.routingKey = routingKey
    }

    var exchangeText: String { String(decoding: self.exchange, as: UTF8.self) }

    // The arrays are never changed and live as long as the delivery is in hand.
    var exchangeBytes: millrace_bytes { self.exchange.withUnsafeBytes { millrace_bytes($0) } }
    var routingKeyBytes: millrace_bytes { self.routingKey.withUnsafeBytes { millrace_bytes($0) } }
}
