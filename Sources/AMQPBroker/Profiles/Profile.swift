/// What releases of RabbitMQ do differently, as data: nothing else in this target asks for a version.
public struct Profile: Sendable, Equatable {
    /// The version that clients are told.
    public var version: String
    /// Header tables of messages are passed on as sent, or sorted by name.
    public var sortsHeaderTables = false
    /// What a type of exchange that nobody knows ends.
    public var unknownExchangeTypeEndsConnection = true
    /// What a stray `basic.cancel-ok` is answered with.
    public var strayCancelOk: UInt16 = 503
    /// What a body frame longer than announced is answered with.
    public var overlongBody: UInt16 = 505
    /// Whether a quorum queue's single active consumer gives way to one of higher priority.
    public var yieldsTurns = false
    /// What a quorum queue makes of priorities: nothing; two over 4 for each other message; or the highest first, of 32.
    public enum QuorumPriorities: Sendable { case ignored, twoToOne, strict }
    /// What quorum queues make of priorities.
    public var quorumPriorities = QuorumPriorities.ignored
    /// Whether the octets of properties count toward a quorum queue's length.
    public var countsProperties = false
    /// What a queue makes of how often a dead letter had come back where it died: nothing; a quorum queue tells it once, of what
    /// died in another one; or every queue goes on counting.
    public enum EarlierDeliveries: Sendable { case forgotten, told, counted }
    /// What becomes of earlier deliveries of dead letters.
    public var earlierDeliveries = EarlierDeliveries.forgotten
    /// Whether `basic.qos` with `global` counts for the channel; else it is like the other one.
    public var hasChannelPrefetch = true
    /// Octets of the largest body, unless set.
    public var largestBody = 128 << 20
    /// The least frame-max a client may settle on.
    public var leastFrameMax: UInt32 = 4096
    /// Who loses a delivery that was held too long: the channel, or the consumer (of quorum queues alone).
    public var timeoutCancelsConsumer = false
    /// Whether a queue may say by an argument how long its deliveries may be held.
    public var readsQueueTimeout = false
    /// Whether queues have arguments for a delayed retry.
    public var knowsDelayedRetry = false
    /// Whether classic queues may say where their leader is.
    public var placesClassicQueues = false
    /// The delivery limit of quorum queues that set none.
    public var deliveryLimit: Int?
    /// Whether a limit below 0 means none; else it is 0.
    public var negativeLimitIsNone = false
    /// Whether nack and recover count toward the delivery limit.
    public var countsGivenBack = true
    /// Whether dead letters say where they died last (`x-last-death-…`).
    public var tellsLastDeath = false
    /// Whether a queue that is neither durable nor exclusive is refused, as a broker does that denies
    /// `transient_nonexcl_queues`; 4.3.6 does not unless it is told to.
    public var refusesTransientQueues = false

    /// Whether a delivery mode other than 1 and 2 is refused.
    public var checksDeliveryMode = true
    /// Whether an expiration that means nothing is found before a wrong user.
    public var readsExpirationFirst = false
    /// Whether a headers exchange tells 1 from 1.0 and takes times of messages, not of bindings, in milliseconds.
    public var comparesHeadersExactly = false
    /// Whether a queue that names no type has the default one in texts.
    public var fillsInQueueType = false
    /// Whether a quorum queue says to `basic.get` that a message was never delivered before.
    public var tellsFirstDelivery = true
    /// Whether a quorum queue says how often it has handed a message out before, counted or not.
    public var tellsAcquired = false
    /// Whether an odd `x-queue-mode` is refused.
    public var checksQueueMode = true
    /// How the text of a refused `basic.get` writes the type of a quorum queue.
    public var quorumInTexts = "quorum"
    /// Whether a text of 403 says which access was refused.
    public var namesRefusedAccess = false
    /// Whether passive declarations need the right to configure.
    public var checksPassiveDeclarations = false
    /// Whether a mandatory reply to a direct reply-to that is known by its name alone counts as routed.
    public var routesDirectReplies = false

    /// A profile of RabbitMQ 3.10, under another version if wanted.
    public init(version: String) { self.version = version }
}

extension Profile {
    /// RabbitMQ 3.10, as Debian 12 has it.
    public static let rabbitMQ310 = Profile(version: "3.10.8")

    /// RabbitMQ 4.0, as Debian 13 has it.
    public static let rabbitMQ40: Profile = {
        var profile = Self.rabbitMQ310
        profile.version = "4.0.5"
        profile.sortsHeaderTables = true
        profile.unknownExchangeTypeEndsConnection = false
        profile.largestBody = 16 << 20
        profile.deliveryLimit = 20
        profile.readsQueueTimeout = true
        profile.placesClassicQueues = true
        profile.yieldsTurns = true
        profile.quorumPriorities = .twoToOne
        profile.earlierDeliveries = .told
        profile.negativeLimitIsNone = true
        profile.tellsLastDeath = true
        profile.namesRefusedAccess = true
        profile.checksDeliveryMode = false
        profile.comparesHeadersExactly = true
        profile.fillsInQueueType = true
        profile.readsExpirationFirst = true
        profile.tellsFirstDelivery = false
        return profile
    }()

    /// RabbitMQ 4.3.
    public static let rabbitMQ43: Profile = {
        var profile = Self.rabbitMQ40
        profile.version = "4.3.6"
        profile.strayCancelOk = 541
        profile.overlongBody = 501
        profile.quorumPriorities = .strict
        profile.countsProperties = true
        profile.earlierDeliveries = .counted
        profile.hasChannelPrefetch = false
        profile.leastFrameMax = 8192
        profile.timeoutCancelsConsumer = true
        profile.knowsDelayedRetry = true
        profile.countsGivenBack = false
        profile.checksPassiveDeclarations = true
        profile.routesDirectReplies = true
        profile.tellsAcquired = true
        profile.quorumInTexts = "<<\"quorum\">>"
        profile.checksQueueMode = false
        return profile
    }()

    /// The profile of a release: `3.10`, `4.0`, `4.3`; nil for others.
    public static func of(_ release: String) -> Profile? {
        switch release {
        case "3.10": .rabbitMQ310
        case "4.0": .rabbitMQ40
        case "4.3": .rabbitMQ43
        default: nil
        }
    }
}
