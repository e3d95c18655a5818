import AMQPCore
import AMQPWire

/// Publishes with confirms, and again what was not confirmed: at least once.
final class Publisher: Owner {
    /// What is to be sent, in this order.
    private var pending: [UInt64] = []
    /// What was sent and has no verdict: whoever waits for one.
    private var waiting: Set<UInt64> = []
    /// Those that no queue takes.
    private var nowhere: Set<UInt64> = []
    /// Came back though there should be a queue: sent again with the next tick.
    private var later: [UInt64] = []

    override var steps: [Step] { [.declare(World.input), .confirms] }
    override var isIdle: Bool { self.pending.isEmpty && self.waiting.isEmpty && self.later.isEmpty }
    override var state: String {
        super.state + ", \(self.pending.count + self.later.count) to send, \(self.waiting.count) without verdict"
    }

    func publish(_ count: Int, nowhere: Bool) {
        for _ in 0..<count {
            let id = self.world.book.ledger.add()
            if nowhere { self.nowhere.insert(id) }
            self.pending.append(id)
        }
        if let channel, self.stage == .running { self.work(channel) }
    }

    override func ticked() {
        super.ticked()
        guard !self.later.isEmpty else { return }
        self.pending += self.later
        self.later = []
        if let channel, self.stage == .running { self.work(channel) }
    }

    override func work(_ channel: Channel) {
        guard self.stage == .running else { return }
        var sent = 0
        while sent < self.pending.count, self.publish(self.pending[sent], channel) { sent += 1 }
        self.pending.removeFirst(sent)
        if sent > 0 { channel.sendAcks() }
    }

    /// - Returns: false if there is no room, or no channel any more.
    private func publish(_ id: UInt64, _ channel: Channel) -> Bool {
        let key = self.nowhere.contains(id) ? "nowhere" : World.input
        guard self.world.publish(id, to: key, on: channel, self) else { return false }
        self.waiting.insert(id)
        return true
    }

    override func takeIn(_ channel: Channel) {
        for answer in channel.takeVerdicts() {
            let id = answer.token
            guard self.waiting.remove(id) != nil else {
                self.world.violated(.waiterEndsOnce, "a verdict for message \(id), which nobody waits for")
                continue
            }
            let verdict = self.world.check(answer, channel, self)
            switch verdict {
            case .confirmed: self.world.book.ledger[id].isConfirmed = true
            case .returned where self.nowhere.contains(id): break
            case .returned: self.later.append(id)
            case .refused, .unknown: self.pending.append(id)
            }
        }
        _ = channel.takeReturnedMessages()
    }

    override func channelEnded() {
        guard let id = self.waiting.min() else { return }
        self.world.violated(.waiterEndsOnce, "the channel has ended, and message \(id) has no verdict")
    }
}
