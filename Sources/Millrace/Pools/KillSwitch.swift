import AMQPClient
import Synchronization

/// What the supervisor needs to give up a worker that does not come back: what it has in hand, and its channel.
///
/// A worker of a job with a `kill_timeout` has one; from any thread.
final class KillSwitch: Sendable {
    struct Hand: Sendable {
        let record: ContentRecord
        let block: Block
        /// Nanoseconds of the monotonic clock.
        let beganAt: UInt64
        let circumstance: HungMessages.Circumstance
    }
    private struct State {
        var hands: [ObjectIdentifier: Hand] = [:]
        var breaker: ChannelBreaker?
        var isThrown = false
    }
    private let monitor = Monitor(State())
    let hung: HungMessages

    /// - Parameter hung: The job's.
    init(hung: HungMessages) { self.hung = hung }

    var isThrown: Bool { self.monitor.withLock { $0.isThrown } }

    /// The worker has a channel.
    func arm(_ breaker: ChannelBreaker) { self.monitor.withLock { $0.breaker = breaker } }

    func take(_ delivery: InFlight, _ hand: Hand) {
        self.monitor.withLock { $0.hands[ObjectIdentifier(delivery)] = hand }
    }

    func putDown(_ delivery: InFlight) {
        self.monitor.withLock { $0.hands[ObjectIdentifier(delivery)] = nil }
    }

    /// What was begun before this time, the oldest first.
    func hands(begunBefore time: UInt64) -> [Hand] {
        self.monitor.withLock { state in
            state.hands.values.filter { $0.beganAt < time }.sorted { $0.beganAt < $1.beganAt }
        }
    }

    /// Remembers what hung, then ends the channel: in this order, because its messages come again at once.
    func throwSwitch(_ hands: [Hand], _ reason: String) {
        for hand in hands { self.hung.note(Fingerprint(of: hand.record, hand.block), hand.circumstance) }
        let breaker = self.monitor.withLock { state in
            state.isThrown = true
            return state.breaker
        }
        breaker?.endChannel(reason)
    }
}
