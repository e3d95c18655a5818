import AMQPClient
import Millrace

/// The queues in which copies of a job queue's messages wait.
func delayQueues(of queue: String) -> [String] {
    DelayLadder.standard.stages.indices.map { DelayLadder.standard.queueName($0, of: queue) }
}

/// Asks until so many messages are ready in a queue: what a channel gives back with its end comes a moment later.
func awaitCount(_ count: UInt32, in queue: String, _ channel: Channel) throws -> Bool {
    let deadline = MonotonicClock.now() + 60_000_000_000
    while MonotonicClock.now() < deadline {
        if try channel.declareQueue(queue, passive: true).messageCount == count { return true }
    }
    return false
}
