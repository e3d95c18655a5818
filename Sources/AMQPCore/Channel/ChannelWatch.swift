import Synchronization

/// Tells from any thread whether a channel still brings its consumer anything, though its owner does not look.
package struct ChannelWatch: Sendable {
    private let lane: Lane

    init(_ channel: Channel) { self.lane = channel.lane }

    /// Whether the channel has ended, or the broker has ended a consumer of it (C56, C61).
    package var hasLostConsumer: Bool {
        self.lane.hasLostConsumer.load(ordering: .relaxed) || self.lane.ackLine.hasEnded
    }

    /// Whether the broker has taken deliveries back that were not settled in time (C61).
    package var hasTimedOut: Bool { self.lane.hasTimedOut.load(ordering: .relaxed) }
}

extension Channel {
    /// Its owner goes on with the consumers that are left: ``ChannelWatch/hasLostConsumer`` tells of later ends only.
    ///
    /// - Parameter count: How many the broker has ended since the channel was opened, as far as its owner knows.
    package func goOn(withoutConsumers count: Int) {
        self.lane.hasLostConsumer.store(false, ordering: .sequentiallyConsistent)
        // One that ended meanwhile has counted before it said so: its word may just have been taken back.
        if self.lane.lostConsumers.load(ordering: .sequentiallyConsistent) > count {
            self.lane.hasLostConsumer.store(true, ordering: .sequentiallyConsistent)
        }
    }

    /// The way to see its end from another thread.
    package var watch: ChannelWatch { ChannelWatch(self) }

    /// Whether the broker has taken deliveries back that were not settled in time (C61); may be known before the owner
    /// has taken in what told of it.
    @inline(__always)
    package var hasTimedOut: Bool { self.lane.hasTimedOut.load(ordering: .relaxed) }
}
