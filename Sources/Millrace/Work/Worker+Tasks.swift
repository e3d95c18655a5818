import AMQPClient
import Logging

/// What tasks have ended.
extension Worker {
    /// Runs what the handlers' task executor has queued, and settles what that ended.
    func runCalls(_ channel: Channel?) {
        let calls = self.channel?.takeCalls() ?? []
        for call in calls { call.function(call.argument) }
        self.settleEnded(channel)
    }

    func settleEnded(_ channel: Channel?) {
        for begun in self.hands.takeEnded(on: channel) {
            switch begun {
            case .inHand: break
            case .ended(let delivery):
                if let channel { self.settle(delivery, channel) }
            case .takenBack(let delivery), .hung(let delivery): self.drop(delivery)
            case .gone(let delivery):
                if self.settler.channelIsGone(delivery.verdict, hasOutputs: !delivery.publications.isEmpty) {
                    self.handle.logger.error("a message without acks is lost: its channel ended before its handler")
                }
                delivery.publications.removeAll()
                self.hands.free(delivery)
            }
        }
    }

    /// The broker gives it out again: nothing is sent.
    func drop(_ delivery: InFlight) {
        self.settler.counts.droppedAcks += 1
        if delivery.verdict == .stop { self.stopJob(delivery.reason ?? "stopped by its handler") }
        self.hands.free(delivery)
    }

    /// A handler has hung on it before.
    func settleHung(_ delivery: InFlight, _ block: Block, _ channel: Channel) {
        let settling = self.hands.settlingOfHung(delivery, block)
        if settling.death == nil {
            self.settle(settling, of: delivery.held, on: channel)
        } else {
            self.carryOut(settling, of: delivery.held, on: channel)
        }
        self.hands.free(delivery)
    }

    /// Whether the broker has taken back what this channel's consumer had.
    ///
    /// What told of it may still be on its way to this thread: it waits for that.
    func isTakenBack(_ channel: Channel) -> Bool {
        guard channel.hasTimedOut else { return false }
        if channel.isOpen, !channel.hasCancelledConsumers {
            channel.pump(until: MonotonicClock.deadline(in: .seconds(1)))
        }
        return !channel.isOpen || channel.hasCancelledConsumers
    }
}
