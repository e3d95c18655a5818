import AMQPClient
import Synchronization

/// What the supervisor needs to give up a worker that does not come back: what it has in hand, what it has on its way, and
/// its channel.
///
/// A worker of a job with a `kill_timeout` has one; from any thread.
///
/// Order of locks: this one, then that of a mailbox or of an ack line.
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
        var consumerTags: [String] = []
        var isThrown = false
        var placements = Placements()
        var outputs: UnreadAnswers?
        var copies: UnreadAnswers?
        /// Inputs that were acked in the worker's place.
        var acked: [Placements.Placed] = []
    }
    private let monitor = Monitor(State(), level: .outermost)
    let hung: HungMessages

    /// - Parameter hung: The job's.
    init(hung: HungMessages) { self.hung = hung }

    var isThrown: Bool { self.monitor.withLock { $0.isThrown } }

    /// The worker has a channel, with these consumers; delivery tags begin anew.
    func arm(_ breaker: ChannelBreaker, _ consumerTags: [String]) {
        self.monitor.withLock { state in
            state.breaker = breaker
            state.consumerTags = consumerTags
            state.placements = Placements()
        }
    }

    /// It has other consumers on the same channel.
    func consumes(_ consumerTags: [String]) { self.monitor.withLock { $0.consumerTags = consumerTags } }

    func take(_ delivery: InFlight, _ hand: Hand) {
        self.monitor.withLock { $0.hands[ObjectIdentifier(delivery)] = hand }
    }

    /// - Returns: Whether the worker was not given up before.
    func putDown(_ delivery: InFlight) -> Bool {
        self.monitor.withLock { state in
            state.hands[ObjectIdentifier(delivery)] = nil
            return !state.isThrown
        }
    }

    /// What was begun before this time, the oldest first.
    func hands(begunBefore time: UInt64) -> [Hand] {
        self.monitor.withLock { state in
            state.hands.values.filter { $0.beganAt < time }.sorted { $0.beganAt < $1.beganAt }
        }
    }

    // MARK: What is on its way

    /// The worker has another channel for outputs, or for copies.
    func opened(_ line: Placements.Line, _ channel: Channel) {
        let answers = UnreadAnswers(channel)
        self.monitor.withLock { state in
            state.placements.opened(line)
            switch line {
            case .outputs: state.outputs = answers
            case .copies: state.copies = answers
            }
        }
    }

    /// Something about what is on its way has changed.
    func note(_ change: (inout Placements) -> Void) { self.monitor.withLock { change(&$0.placements) } }

    /// The inputs that were acked in the worker's place, once: it takes them for dropped.
    func takeAcked() -> [Placements.Placed] {
        self.monitor.withLock { state in
            defer { state.acked = [] }
            return state.acked
        }
    }

    // MARK: The end

    /// Remembers what hung, acks the inputs whose outputs or copies the broker has, and ends the channel, when the broker
    /// has taken the acks in: in this order, because what is not settled comes again at once.
    ///
    /// The broker's word may lie in the mailbox of the thread that hangs.
    ///
    /// - Parameters:
    ///   - hands: What hangs.
    ///   - reason: For the broker's log.
    ///   - deadline: How long the broker may take for the acks.
    func throwSwitch(_ hands: [Hand], _ reason: String, until deadline: UInt64) {
        for hand in hands { self.hung.note(hand.record, hand.block, hand.circumstance) }
        let (breaker, consumerTags) = self.monitor.withLock { state in
            state.isThrown = true
            if let answers = state.outputs { state.placements.heard(.outputs, answers.look()) }
            if let answers = state.copies { state.placements.heard(.copies, answers.look()) }
            if let breaker = state.breaker { state.acked = state.placements.placed.filter { breaker.ack($0.tag) } }
            return (state.breaker, state.consumerTags)
        }
        breaker?.endChannel(reason, cancelling: consumerTags, until: deadline)
    }
}
