import AMQPClient
import Logging

/// `kill_timeout`, from the worker's side.
extension Worker {
    /// Whether the supervisor has given this worker up: another one has its place.
    var isAbandoned: Bool { self.handle.killSwitch?.isThrown ?? false }

    /// Before a handler takes its time: what can be sent is on the wire, and what was answered is known.
    ///
    /// Acks alone are not sent for that: who gives the worker up sends them.
    func settleWhatIsOnItsWay(_ channel: Channel) {
        if !self.outlet.isEmpty { self.releaseOutputs(channel) }
        self.sendAcks(channel)
        channel.pump(until: 0)
        self.takeIn(channel)
    }

    @inline(__always)
    func noteSettled(_ tag: UInt64) { self.handle.killSwitch?.note { $0.settled(tag) } }

    /// Inputs that were acked in this worker's place, when it was given up, are no dropped acks.
    func countAckedInOurPlace(_ held: [(input: HeldDelivery, outputs: Int)]) {
        guard let acked = self.handle.killSwitch?.takeAcked(), !acked.isEmpty else { return }
        self.settler.counts.droppedAcks -= acked.count
        for placed in acked {
            self.settler.counts.count(placed.settlement)
            self.settler.counts.published += held.first { $0.input.record.deliveryTag == placed.tag }?.outputs ?? 0
        }
    }
}
