import AMQPClient
import Logging

/// Outputs that the broker refuses for now: an election, a full disk, a full queue. No message is guilty of that, so they
/// go again after a pause, and their inputs stay in hand meanwhile: the prefetch, used up, slows the worker down.
extension Worker {
    /// Another channel for outputs, if the old one goes on refusing.
    ///
    /// - Returns: Whether something may be published: not while what is on its way on the old one is waited for.
    func renewOutlet(_ now: UInt64, _ channel: Channel) -> Bool {
        switch self.outputs.renewal(now: now) {
        case .none: return true
        case .wait: return false
        case .renew: break
        }
        let old = self.outlet
        do throws(AMQPError) {
            _ = try self.openOutlet()
            self.outputs.renewed(true)
            old?.breaker.endChannel("it goes on refusing outputs")  // waits for nothing
        } catch {
            self.handle.logger.debug("no other channel for outputs", metadata: ["reason": "\(error)"])
            self.outputs.renewed(false)
        }
        return true
    }

    /// Looks after what was refused, whenever something came or a time is over.
    func lookAfterRefusals(_ channel: Channel) {
        let now = MonotonicClock.now()
        self.say(self.refusals.refused(self.outputs.takeRefusals(), now: now))
        if self.hasCancelled { self.giveRefusedBack(channel) }
        self.say(self.refusals.look(isWaiting: self.outputs.refusedCount > 0, now: now))
    }

    /// When to look again though nothing comes.
    var refusalsWake: UInt64? {
        // A drain waits for no room.
        if self.hasCancelled, self.outputs.hasRefused { return MonotonicClock.now() }
        return self.refusals.deadline(isWaiting: self.outputs.refusedCount > 0)
    }

    private func giveRefusedBack(_ channel: Channel) {
        let inputs = self.outputs.takeRefused()
        guard !inputs.isEmpty else { return }
        let reason = "the broker refuses their outputs, and the worker is told to stop"
        self.giveBack(inputs, reason, channel)
    }

    private func say(_ line: RefusalReport.Line?) {
        switch line {
        case nil: break
        case .began:
            self.handle.logger.warning(
                "the broker refuses outputs; they are published again until it takes them, and their inputs wait"
            )
        case .goesOn(let refusals, let time):
            self.handle.logger.warning("the broker still refuses outputs", metadata: self.numbers(refusals, time))
        case .over(let refusals, let time):
            self.handle.logger.notice("no output is refused any more", metadata: self.numbers(refusals, time))
        }
    }

    private func numbers(_ refusals: Int, _ time: UInt64) -> Logger.Metadata {
        [
            "refusals": "\(refusals)", "for_ms": "\(time / 1_000_000)",
            "inputs_waiting": "\(self.outputs.refusedCount)",
        ]
    }
}
