import AMQPWire

/// What a queue's arguments say, checked.
struct QueueOptions: Sendable {
    enum Kind: String, Sendable { case classic, quorum }
    enum Overflow: String, Sendable {
        case dropHead = "drop-head"
        case rejectPublish = "reject-publish"
        case rejectPublishDLX = "reject-publish-dlx"
    }
    /// Whose turn is next where one consumer alone is active.
    enum Turns: Sendable {
        /// The highest priority's, when the one before is gone.
        case byPriority
        /// The one that came first, when the one before is gone.
        case byArrival
        /// The highest priority's, also while another one is active.
        case yielding
    }
    var kind = Kind.classic
    /// Milliseconds.
    var messageTTL: UInt64?
    /// Milliseconds without consumers, gets and declarations.
    var expires: UInt64?
    var maxLength: Int?
    var maxBytes: Int?
    var overflow = Overflow.dropHead
    var deadLetterExchange: String?
    var deadLetterRoutingKey: String?
    var maxPriority = 0
    var isSingleActive = false
    var turns = Turns.byPriority
    /// How often a message may come back.
    var deliveryLimit: Int?
    /// What comes back may have to wait.
    var delayedRetry: DelayedRetry?
    /// Milliseconds that a delivery may stay unsettled.
    var consumerTimeout: UInt64?
    var order = MessageOrder.classic(highest: 0)
    var countsProperties = false
    var earlierDeliveries = Profile.EarlierDeliveries.forgotten
    /// A quorum queue with `reject-publish` tells its publishers when it holds too much.
    var tellsPublishers: Bool {
        self.kind == .quorum && self.overflow == .rejectPublish && (self.maxLength != nil || self.maxBytes != nil)
    }
    /// Its dead letters wait until their targets have taken them.
    var keepsDeadLetters = false

    /// The arguments that count when a queue is declared again, in the order in which they are compared.
    static func compared(_ kind: Kind) -> [String] {
        switch kind {
        case .classic:
            [
                "x-expires", "x-message-ttl", "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-max-length",
                "x-max-length-bytes", "x-max-priority", "x-overflow", "x-queue-mode", "x-queue-version",
                "x-single-active-consumer", "x-queue-type",
            ]
        case .quorum:
            [
                "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-dead-letter-strategy", "x-expires",
                "x-max-length", "x-max-length-bytes", "x-max-in-memory-length", "x-max-in-memory-bytes", "x-overflow",
                "x-single-active-consumer", "x-queue-type", "x-quorum-initial-group-size", "x-delivery-limit",
                "x-message-ttl",
            ]
        }
    }

    /// Reads what a declaration asks for.
    ///
    /// - Parameters:
    ///   - arguments: Of the declaration.
    ///   - thing: The queue, as texts name it.
    ///   - profile: Which broker this is.
    /// - Throws: 406, for what this broker does not take.
    init(_ arguments: FieldTable, of thing: String, profile: Profile) throws(Refusal) {
        let read = ArgumentReader(arguments: arguments, thing: thing)
        self.kind = try Self.kind(read)
        if self.kind == .quorum { self.turns = profile.yieldsTurns ? .yielding : .byArrival }
        self.expires = try read.number("x-expires", from: 1)
        self.messageTTL = try read.number("x-message-ttl")
        self.deadLetterExchange = try read.name("x-dead-letter-exchange")
        self.deadLetterRoutingKey = try read.text("x-dead-letter-routing-key")
        if self.deadLetterRoutingKey != nil, self.deadLetterExchange == nil {
            throw read.invalid("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined")
        }
        self.maxLength = try read.number("x-max-length").map { Int($0) }
        self.maxBytes = try read.number("x-max-length-bytes").map { Int($0) }
        if self.kind == .classic { self.maxPriority = Int(try read.number("x-max-priority") ?? 0) }
        if self.maxPriority > 255 { throw read.invalid("x-max-priority", "{max_value_exceeded,\(self.maxPriority)}") }
        if let text = try read.text("x-overflow") {
            guard let overflow = Overflow(rawValue: text) else { throw read.invalid("x-overflow", "invalid_overflow") }
            self.overflow = overflow
        }
        if let strategy = try read.text("x-dead-letter-strategy"),
            strategy != "at-least-once", strategy != "at-most-once"
        {
            throw read.invalid("x-dead-letter-strategy", "invalid_dlx_strategy")
        }
        self.isSingleActive = try read.flag("x-single-active-consumer")
        self.order = Self.order(self.kind, self.maxPriority, profile)
        self.earlierDeliveries = profile.earlierDeliveries
        self.countsProperties = self.kind == .quorum && profile.countsProperties
        try Self.check(arguments, self.kind, read, profile)
        self.consumerTimeout = try self.ownTimeout(read, profile)
        self.deliveryLimit = Self.limit(arguments, profile)
        if profile.knowsDelayedRetry, self.kind == .quorum { self.delayedRetry = DelayedRetry(arguments) }
        self.keepsDeadLetters =
            self.kind == .quorum && self.overflow == .rejectPublish && self.deadLetterExchange != nil
            && arguments["x-dead-letter-strategy"]?.stringValue == "at-least-once"
    }

    private static func order(_ kind: Kind, _ highest: Int, _ profile: Profile) -> MessageOrder {
        if kind == .classic { return .classic(highest: highest) }
        return switch profile.quorumPriorities {
        case .ignored: .quorum
        case .twoToOne: .quorumTwoToOne
        case .strict: .quorumStrict
        }
    }

    private static func kind(_ read: ArgumentReader) throws(Refusal) -> Kind {
        guard let text = try read.text("x-queue-type") else { return .classic }
        if text == "stream" {
            throw .connection(.notImplemented, "the embedded broker has no streams: \(read.thing)")
        }
        guard let kind = Kind(rawValue: text) else {
            throw read.invalid("x-queue-type", "\"unsupported queue type '\(text)'\"")
        }
        return kind
    }

    private static func limit(_ arguments: FieldTable, _ profile: Profile) -> Int? {
        guard let asked = arguments["x-delivery-limit"]?.intValue else { return profile.deliveryLimit }
        if asked < 0 { return profile.negativeLimitIsNone ? nil : 0 }
        return Int(asked)
    }
}

/// Arguments by name, each of the type that it has to be of.
struct ArgumentReader {
    let arguments: FieldTable
    let thing: String

    func invalid(_ key: String, _ why: String) -> Refusal {
        .channel(.preconditionFailed, "invalid arg '\(key)' for \(self.thing): \(why)")
    }

    func number(_ key: String, from least: Int64 = 0) throws(Refusal) -> UInt64? {
        guard let value = self.arguments[key] else { return nil }
        guard let number = value.intValue else {
            throw self.invalid(key, "\"expected integer, got \(ArgumentText.type(value))\"")
        }
        guard number >= 0 else { throw self.invalid(key, "{value_negative,\(number)}") }
        guard number >= least else { throw self.invalid(key, "{value_zero,\(number)}") }
        return UInt64(number)
    }

    func text(_ key: String) throws(Refusal) -> String? {
        guard let value = self.arguments[key] else { return nil }
        guard let text = value.stringValue else {
            throw self.invalid(key, "{unacceptable_type,\(ArgumentText.type(value))}")
        }
        return text
    }

    /// The name of an exchange.
    func name(_ key: String) throws(Refusal) -> String? {
        guard let value = self.arguments[key] else { return nil }
        guard let text = value.stringValue else {
            throw .channel(
                .preconditionFailed,
                "invalid type '\(ArgumentText.type(value))' for arg '\(key)' in \(self.thing)"
            )
        }
        return text
    }

    func flag(_ key: String) throws(Refusal) -> Bool {
        guard let value = self.arguments[key] else { return false }
        guard case .bool(let flag) = value else {
            throw self.invalid(key, "{unacceptable_type,\(ArgumentText.type(value))}")
        }
        return flag
    }
}
