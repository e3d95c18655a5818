/// A queue's `dead_letter` block: where the broker sends what is rejected, expired or pushed out.
public struct DeadLetter: Sendable, Equatable {
    /// The exchange; empty (unless given) is the default exchange, where the routing key is a queue's name.
    public var exchange: String
    /// The routing key; `nil` keeps the message's own.
    ///
    /// Never `nil` with the default exchange.
    public var routingKey: String?
    /// Where the block stands.
    public var location: SourceLocation

    /// Makes a dead-letter target in code; nothing is checked.
    public init(exchange: String = "", routingKey: String? = nil, location: SourceLocation) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.location = location
    }
}
