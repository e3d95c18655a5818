/// One entry of `queues`: a queue to declare, and its bindings, before the jobs start.
public struct QueueDefinition: Sendable, Equatable {
    /// The queue types of RabbitMQ that a job file can ask for (`x-queue-type`).
    public enum QueueType: String, Sendable, Equatable, CaseIterable {
        /// On one node.
        case classic
        /// Replicated; always durable, never exclusive, never deleted by itself.
        case quorum
    }

    /// The queue's name, 1…255 bytes.
    public var name: String
    /// Classic unless given.
    public var type: QueueType
    /// Whether it survives a restart of the broker; true unless given.
    public var durable: Bool
    /// Whether only this connection may use it; false unless given.
    public var exclusive: Bool
    /// Whether the broker deletes it when its last consumer goes; false unless given.
    public var autoDelete: Bool
    /// Arguments of `queue.declare` beside those that have a key of their own.
    public var arguments: [String: ArgumentValue]
    /// The exchanges it receives from.
    public var bindings: [Binding]
    /// Where dead messages go; `nil` if they are dropped.
    public var deadLetter: DeadLetter?
    /// How long a message may wait (`x-message-ttl`), in whole milliseconds up to 49 days; `nil` is for ever.
    public var messageTTL: Duration?
    /// How many messages it holds at most (`x-max-length`), from 1; `nil` is no limit.
    public var maxLength: Int?
    /// Where the entry stands.
    public var location: SourceLocation

    /// Makes a definition in code; nothing is checked.
    public init(
        name: String,
        type: QueueType = .classic,
        durable: Bool = true,
        exclusive: Bool = false,
        autoDelete: Bool = false,
        arguments: [String: ArgumentValue] = [:],
        bindings: [Binding] = [],
        deadLetter: DeadLetter? = nil,
        messageTTL: Duration? = nil,
        maxLength: Int? = nil,
        location: SourceLocation
    ) {
        self.name = name
        self.type = type
        self.durable = durable
        self.exclusive = exclusive
        self.autoDelete = autoDelete
        self.arguments = arguments
        self.bindings = bindings
        self.deadLetter = deadLetter
        self.messageTTL = messageTTL
        self.maxLength = maxLength
        self.location = location
    }
}
