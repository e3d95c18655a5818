import AMQPCore

/// When a run ends by itself: after so many messages, so long, so long without work, or with so much memory.
///
/// A value; times are nanoseconds of the monotonic clock.
public struct RunLimits: Sendable, Equatable {
    /// Deliveries with an outcome; more may be, since what is in hand is finished.
    public var messages: Int?
    /// Since the start.
    public var time: Duration?
    /// Without a delivery in hand or one with an outcome.
    public var idle: Duration?
    /// Octets of memory that the process holds (resident).
    public var memory: Int?

    private var startedAt: UInt64?
    private var last: (settled: Int, at: UInt64) = (0, 0)

    /// No limits, unless given.
    public init(messages: Int? = nil, time: Duration? = nil, idle: Duration? = nil, memory: Int? = nil) {
        self.messages = messages
        self.time = time
        self.idle = idle
        self.memory = memory
    }

    /// Whether the limits are the same, however far a run is.
    public static func == (left: RunLimits, right: RunLimits) -> Bool {
        left.messages == right.messages && left.time == right.time && left.idle == right.idle
            && left.memory == right.memory
    }

    /// Whether the run is to end now.
    ///
    /// - Parameters:
    ///   - settled: Deliveries with an outcome since the start.
    ///   - inHand: Deliveries that handlers have.
    ///   - memory: What the process holds; asked for only if that is limited.
    ///   - now: The time.
    /// - Returns: Why, for people; nil if it goes on.
    package mutating func look(
        settled: Int,
        inHand: Int,
        memory: @autoclosure () -> Int?,
        now: UInt64
    ) -> String? {
        let start = self.startedAt ?? now
        self.startedAt = start
        if settled != self.last.settled || inHand > 0 || self.last.at == 0 { self.last = (settled, now) }
        if let messages, settled >= messages { return "\(settled) messages are done: --max-messages \(messages)" }
        if let time, now &- start >= time.nanoseconds { return "its time is over: --max-time" }
        if let idle, now &- self.last.at >= idle.nanoseconds { return "nothing was to be done for long: --max-idle" }
        if let limit = self.memory, let held = memory(), held >= limit {
            return "the process holds \(held >> 20) MiB: --max-memory"
        }
        return nil
    }

    /// When to look again though nothing happens; nil if only work can end it.
    package func wake(now: UInt64) -> UInt64? {
        let start = self.startedAt ?? now
        let times = [
            self.time.map { start &+ $0.nanoseconds }, self.idle.map { max(self.last.at, start) &+ $0.nanoseconds },
        ]
        return times.compactMap(\.self).min()
    }
}
