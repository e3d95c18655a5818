/// What `--once` finds in the queue of a job, and in the delay queues beside it.
package struct QueueRest: Equatable, Sendable {
    package let queue: String
    /// Messages that the broker could give out.
    package var ready = 0
    /// In delay queues.
    package var waiting = 0
    /// With our own handlers, or on their way to them or back.
    package var inHand = 0
    /// Consumers of others, of this queue or its delay queues: nobody is told what they have in hand.
    package var otherConsumers = 0
    /// Why the broker does not say.
    package var unknown: String?

    package init(queue: String) { self.queue = queue }

    /// Whether nothing is known to be left.
    package var isEmpty: Bool { self.ready == 0 && self.waiting == 0 && self.inHand == 0 && self.unknown == nil }

    /// Whether nothing can be left.
    package var isSurelyEmpty: Bool { self.isEmpty && self.otherConsumers == 0 }

    /// Takes a look at one of its queues in.
    ///
    /// - Parameters:
    ///   - ready: Messages that it has ready.
    ///   - isDelay: Whether it is a delay queue.
    ///   - consumers: All that it has.
    ///   - own: Those of them that are ours.
    package mutating func add(ready: Int, isDelay: Bool, consumers: Int, own: Int) {
        if isDelay { self.waiting += ready } else { self.ready += ready }
        self.otherConsumers += max(consumers - own, 0)
    }
}
