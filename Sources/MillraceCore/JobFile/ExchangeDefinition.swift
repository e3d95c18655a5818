/// One entry of `exchanges`: an exchange to declare before the jobs start.
public struct ExchangeDefinition: Sendable, Equatable {
    /// The exchange's name, 1…255 bytes.
    public var name: String
    /// Whether it is declared, looked at, or neither; active unless given.
    public var declare: DeclareMode
    /// `direct` (unless given), `fanout`, `topic`, `headers`, or a plugin's type that begins with `x-`.
    public var type: String
    /// Whether it survives a restart of the broker; true unless given.
    public var durable: Bool
    /// Whether the broker deletes it when its last binding goes; false unless given.
    public var autoDelete: Bool
    /// Whether clients are kept from publishing to it; false unless given.
    public var `internal`: Bool
    /// Arguments of `exchange.declare`.
    public var arguments: [String: ArgumentValue]
    /// The exchanges this one receives from.
    public var bindings: [Binding]
    /// Where the entry stands.
    public var location: SourceLocation

    /// Makes a definition in code; nothing is checked.
    public init(
        name: String,
        declare: DeclareMode = .active,
        type: String = "direct",
        durable: Bool = true,
        autoDelete: Bool = false,
        `internal`: Bool = false,
        arguments: [String: ArgumentValue] = [:],
        bindings: [Binding] = [],
        location: SourceLocation
    ) {
        self.name = name
        self.declare = declare
        self.type = type
        self.durable = durable
        self.autoDelete = autoDelete
        self.internal = `internal`
        self.arguments = arguments
        self.bindings = bindings
        self.location = location
    }
}
