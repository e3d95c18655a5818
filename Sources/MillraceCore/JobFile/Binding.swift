/// One entry of a `bindings` list: the exchange that a queue or an exchange receives from.
public struct Binding: Sendable, Equatable {
    /// The source exchange, 1…255 bytes; it need not be in the file.
    public var exchange: String
    /// The routing key, at most 255 bytes; empty unless given.
    public var routingKey: String
    /// Arguments of `queue.bind` or `exchange.bind`.
    public var arguments: [String: ArgumentValue]
    /// Where the entry stands.
    public var location: SourceLocation

    /// Makes a binding in code; nothing is checked.
    public init(
        exchange: String,
        routingKey: String = "",
        arguments: [String: ArgumentValue] = [:],
        location: SourceLocation
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.arguments = arguments
        self.location = location
    }
}
