/// One entry of `queues`: a queue to declare, and its bindings, before the jobs start.
public struct QueueDefinition: Sendable, Equatable {
    /// The queue types of RabbitMQ that a job file can ask for (`x-queue-type`).
    public enum QueueType: String, Sendable, Equatable, CaseIterable {
        /// On one node.
        case classic
        /// Replicated; always durable, never exclusive, never deleted by itself.
        case quorum
    }

    /// What a full queue does (`x-overflow`).
    public enum Overflow: String, Sendable, Equatable, CaseIterable {
        /// Drops the oldest, or dead-letters it.
        case dropHead = "drop-head"
        /// Refuses the new one: a publisher with confirms gets `basic.nack`.
        case rejectPublish = "reject-publish"
        /// The same, and dead-letters the new one; classic queues alone.
        case rejectPublishDLX = "reject-publish-dlx"
    }

    /// What to do when the queue is there and not as the file says (406).
    public enum MismatchAction: String, Sendable, Equatable, CaseIterable {
        /// Its jobs fail, the others run.
        case fail
        /// A warning says what differs, and it is used as it is.
        case keep
    }

    /// The queue's name, 1…255 bytes.
    public var name: String
    /// Whether it is declared, looked at, or neither; active unless given.
    public var declare: DeclareMode
    /// Fail unless given.
    public var onMismatch: MismatchAction
    /// `nil` leaves it to the broker: classic, unless the virtual host has another default.
    public var type: QueueType?
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
    /// How many octets of bodies it holds at most (`x-max-length-bytes`), from 1; `nil` is no limit.
    public var maxLengthBytes: Int?
    /// `nil` leaves it to the broker, which drops the oldest.
    public var overflow: Overflow?
    /// How many priorities a classic queue tells apart (`x-max-priority`), 1…255; `nil` is none.
    public var maxPriority: Int?
    /// Whether the broker gives messages to one consumer at a time (`x-single-active-consumer`); false unless given.
    public var singleActiveConsumer: Bool
    /// How often a quorum queue gives a message out before it is dead (`x-delivery-limit`), from 1; -1 is no limit, `nil`
    /// leaves it to the broker.
    public var deliveryLimit: Int?
    /// How long it may be unused before the broker deletes it (`x-expires`), in whole milliseconds; `nil` is for ever.
    public var expires: Duration?
    /// Where the entry stands.
    public var location: SourceLocation

    /// As a ``deliveryLimit``.
    package static let unlimitedDeliveries = -1

    /// Makes a definition in code; nothing is checked.
    public init(
        name: String,
        declare: DeclareMode = .active,
        onMismatch: MismatchAction = .fail,
        type: QueueType? = nil,
        durable: Bool = true,
        exclusive: Bool = false,
        autoDelete: Bool = false,
        arguments: [String: ArgumentValue] = [:],
        bindings: [Binding] = [],
        deadLetter: DeadLetter? = nil,
        messageTTL: Duration? = nil,
        maxLength: Int? = nil,
        maxLengthBytes: Int? = nil,
        overflow: Overflow? = nil,
        maxPriority: Int? = nil,
        singleActiveConsumer: Bool = false,
        deliveryLimit: Int? = nil,
        expires: Duration? = nil,
        location: SourceLocation
    ) {
        self.name = name
        self.declare = declare
        self.onMismatch = onMismatch
        self.type = type
        self.durable = durable
        self.exclusive = exclusive
        self.autoDelete = autoDelete
        self.arguments = arguments
        self.bindings = bindings
        self.deadLetter = deadLetter
        self.messageTTL = messageTTL
        self.maxLength = maxLength
        self.maxLengthBytes = maxLengthBytes
        self.overflow = overflow
        self.maxPriority = maxPriority
        self.singleActiveConsumer = singleActiveConsumer
        self.deliveryLimit = deliveryLimit
        self.expires = expires
        self.location = location
    }
}
