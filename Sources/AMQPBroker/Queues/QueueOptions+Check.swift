import AMQPWire

/// Arguments that a queue can not have, or that mean nothing.
extension QueueOptions {
    /// What the arguments of a consumer say of how long a delivery may stay unsettled, where a release reads that.
    func consumerTimeout(of read: ArgumentReader, _ profile: Profile) throws(Refusal) -> UInt64? {
        let key = "x-consumer-timeout"
        guard profile.timeoutCancelsConsumer, read.arguments[key] != nil else { return nil }
        if self.kind == .classic { throw Self.foreign(key, self.kind, read) }
        return try read.number(key)
    }

    /// The same for the arguments of a queue.
    func ownTimeout(_ read: ArgumentReader, _ profile: Profile) throws(Refusal) -> UInt64? {
        if profile.timeoutCancelsConsumer { return try self.consumerTimeout(of: read, profile) }
        guard profile.readsQueueTimeout, let time = read.arguments["x-consumer-timeout"]?.intValue, time > 0 else {
            return nil
        }
        return UInt64(time)
    }

    private static func foreign(_ key: String, _ kind: Kind, _ read: ArgumentReader) -> Refusal {
        .channel(.preconditionFailed, "invalid arg '\(key)' for \(read.thing) of queue type rabbit_\(kind)_queue")
    }

    private static let ofStreams = ["x-max-age", "x-stream-max-segment-size-bytes", "x-initial-cluster-size"]
    private static let ofQuorum = [
        "x-max-in-memory-length", "x-max-in-memory-bytes", "x-quorum-initial-group-size", "x-delivery-limit",
    ]
    private static let ofDelayedRetry = ["x-delayed-retry-type", "x-delayed-retry-min", "x-delayed-retry-max"]
    /// Where a leader may be, those that are no longer recommended included.
    private static let locators = ["client-local", "balanced", "least-leaders", "random"]

    private static func foreignKeys(_ kind: Kind, _ profile: Profile) -> [String] {
        let ofStreams = Self.ofStreams + (profile.knowsDelayedRetry ? ["x-stream-filter-size-bytes"] : [])
        if kind == .quorum { return ofStreams + ["x-max-priority", "x-queue-mode"] }
        let ofQuorum = Self.ofQuorum + (profile.placesClassicQueues ? [] : ["x-queue-leader-locator"])
        return ofStreams + ofQuorum + (profile.knowsDelayedRetry ? Self.ofDelayedRetry : [])
    }

    static func check(
        _ arguments: FieldTable,
        _ kind: Kind,
        _ read: ArgumentReader,
        _ profile: Profile
    ) throws(Refusal) {
        for key in Self.foreignKeys(kind, profile) where arguments[key] != nil { throw Self.foreign(key, kind, read) }
        _ = try read.number("x-max-in-memory-length")
        _ = try read.number("x-max-in-memory-bytes")
        _ = try read.number("x-quorum-initial-group-size", from: 1)
        if let locator = try read.text("x-queue-leader-locator"), !Self.locators.contains(locator) {
            throw read.invalid("x-queue-leader-locator", "invalid_queue_locator_arg")
        }
        if let version = try read.number("x-queue-version"), version != 1, version != 2 {
            throw read.invalid("x-queue-version", "\"unsupported queue version '\(version)'\"")
        }
        guard profile.checksQueueMode else { return }
        if let mode = try read.text("x-queue-mode"), mode != "default", mode != "lazy" {
            throw read.invalid("x-queue-mode", "\"unsupported queue mode '\(mode)'\"")
        }
    }
}
