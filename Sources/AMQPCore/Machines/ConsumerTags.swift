/// The consumers of one channel, by their tags (AMQP 0-9-1 §1.8.3.3, C52, C56), as a value.
package struct ConsumerTags: Sendable {
    /// In use: a second consumer with one of them would cost the connection (C52).
    package private(set) var inUse: Set<String> = []
    /// Whose deliveries are settled as they come.
    package private(set) var withoutAcks: Set<String> = []
    /// Whose deliveries are answers by direct reply-to: RabbitMQ gives each the tag of the delivery that comes next.
    package private(set) var replies: Set<String> = []
    /// Those that the broker ended by itself, since the last look (C56, C61).
    package private(set) var cancelled: [String] = []
    private var named = 0

    /// No broker ends more consumers of one channel than this between two looks.
    private static let cancelledLimit = 65_536

    package init() {}

    /// A tag of our own, for a consumer whose deliveries have to be known before consume-ok.
    ///
    /// - Parameter incarnation: The channel's.
    /// - Returns: One that no other channel has.
    package mutating func makeTag(_ incarnation: UInt64) -> String {
        self.named += 1
        return "millrace-\(incarnation)-\(self.named)"
    }

    /// basic.consume goes out: its deliveries may be looked at before consume-ok.
    package mutating func starting(_ tag: String, noAck: Bool, repliesOnly: Bool = false) {
        if repliesOnly {
            self.replies.insert(tag)
        } else if noAck {
            self.withoutAcks.insert(tag)
        }
    }

    /// There is no consumer of that tag after all.
    package mutating func failed(_ tag: String) {
        self.withoutAcks.remove(tag)
        self.replies.remove(tag)
    }

    /// consume-ok has come.
    package mutating func started(_ tag: String) { self.inUse.insert(tag) }

    /// The consumer is gone, and every delivery of it has been taken in: its tag is free.
    package mutating func ended(_ tag: String) {
        self.inUse.remove(tag)
        self.failed(tag)
    }

    /// The broker has ended it by itself.
    package mutating func cancelled(_ tag: String) {
        self.ended(tag)
        if self.cancelled.count < Self.cancelledLimit { self.cancelled.append(tag) }
    }

    /// Hands out and forgets those that the broker has ended.
    package mutating func takeCancelled() -> [String] {
        defer { self.cancelled = [] }
        return self.cancelled
    }
}
