/// How many channels the supervisor opens on its connection, as a value.
///
/// A broker may allow fewer than it said when the connection was made (RabbitMQ's limit for a user), and ends the
/// connection over one too many. Workers that find none left wait, and the others go on.
package struct ChannelBudget: Sendable, Equatable {
    /// 0 for what the broker says when it connects.
    package private(set) var limit = 0

    package init() {}

    /// What the broker allows it counts over all of the user's connections: if it is too much still, one less is tried.
    package mutating func connectionEnded(_ error: AMQPError) {
        guard let allowed = error.channelLimit else { return }
        self.limit = max(1, self.limit == 0 ? allowed : min(allowed, self.limit - 1))
    }
}
