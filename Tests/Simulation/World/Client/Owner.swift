import AMQPCore
import AMQPWire

/// The owner of one channel: opens it, sets it up, does its work, closes it, and begins anew when it has ended.
class Owner {
    enum Step: Equatable {
        case declare(String)
        case confirms, transactions
        case prefetch(Int)
        case consume(String)
    }
    enum Stage: Equatable {
        case none, opening
        case setUp(Int)
        case running
        /// It asks for no more, and ends the channel when nothing is in its hands.
        case draining
        case closing
    }
    unowned let client: Client
    unowned let world: World
    let index: Int
    let mailbox: Mailbox
    private(set) var channel: Channel?
    private(set) var stage = Stage.none
    /// An answer is to come.
    private(set) var waits = false
    /// The link of the channel.
    private(set) weak var link: Link?
    /// Channels so far.
    private(set) var channelCount = 0

    init(client: Client, index: Int) {
        self.client = client
        self.world = client.world
        self.index = index
        self.mailbox = Mailbox(waking: client.bell, with: 1 << UInt32(index))
    }

    var who: Trace.Who { .owner(client: self.client.index, index: self.index) }
    var hasNoChannel: Bool { self.channel == nil }

    // MARK: What its kind does otherwise

    /// From open-ok to its work.
    var steps: [Step] { [] }
    /// Whether it does not look at its mailbox now.
    var isBusy: Bool { false }
    /// Whether nothing is left for it to do.
    var isIdle: Bool { true }
    /// It has a new channel, whose open-ok is to come.
    func opened(_ channel: Channel) {}
    /// Takes in what has come, whether the channel lives or not.
    func takeIn(_ channel: Channel) {}
    /// Does what it can do now.
    func work(_ channel: Channel) {}
    /// The channel is over, and ``takeIn(_:)`` was called.
    func channelEnded() {}
    /// Whether nothing holds up the close.
    func isReadyToClose(_ channel: Channel) -> Bool { true }
    /// It is to end its channel.
    func beginDrain(_ channel: Channel) {}
    /// In a few words, for who asks why nothing moves.
    var state: String { "\(self.stage)" + (self.waits ? ", waits for an answer" : "") }

    // MARK: Life

    func open() {
        guard self.channel == nil, let link = self.client.link, link.isOpen, !self.client.isLeaving else { return }
        let incarnation = self.world.nextIncarnation()
        self.mailbox.attach(incarnation)
        do throws(AMQPError) {
            let lane = try link.outbox.openChannel(mailbox: self.mailbox, incarnation: incarnation)
            link.watch.expects(lane.number, incarnation)
            let channel = Channel(lane: lane, outbox: link.outbox, requestTimeout: .seconds(30))
            channel.server = link.server
            self.channel = channel
            self.link = link
            self.stage = .opening
            self.waits = true
            self.channelCount += 1
            self.opened(channel)
            link.outbox.flush()
        } catch {
            // All numbers are taken until a close-ok comes; the next tick tries again.
            if error.code != .channelsExhausted, link.end == nil {
                self.world.violated(.ends, "no channel for owner \(self.index): \(error)")
            }
        }
    }

    func ticked() {
        if self.channel == nil { self.open() }
    }

    func woken() {
        if !self.isBusy { self.look() }
    }

    /// Takes in what has come, and goes on.
    func look() {
        guard let channel else { return }
        channel.pump(until: 0)
        if self.stage == .closing {
            _ = channel.finishClose()
        } else {
            self.takeReplies(channel)
        }
        self.takeIn(channel)
        if channel.endReason != nil { return self.ended() }
        if self.stage == .running || self.stage == .draining { self.work(channel) }
        self.closeIfDrained()
    }

    private func takeReplies(_ channel: Channel) {
        while self.waits, let step = self.finishStep(channel) {
            self.waits = false
            guard self.stage != .draining else { continue }
            self.start(step, channel)
        }
        if !self.waits, channel.takeReply() != nil {
            self.world.violated(.waiterEndsOnce, "an answer that owner \(self.index) does not wait for")
        }
    }

    /// Whether the answer that it waits for has come: then which step is next.
    private func finishStep(_ channel: Channel) -> Int? {
        switch self.stage {
        case .opening: return channel.finishOpen() ? 0 : nil
        case .setUp(let place):
            let isDone: Bool
            switch self.steps[place] {
            case .confirms: isDone = channel.finishConfirms()
            case .transactions:
                isDone = channel.takeReply() != nil
                if isDone { channel.enterTransactions(isTracked: true) }
            case .consume: isDone = channel.finishConsume(self.consumerTag)
            case .declare, .prefetch: isDone = channel.takeReply() != nil
            }
            return isDone ? place + 1 : nil
        case .running: return self.finishWork(channel) ? 0 : nil
        case .draining: return self.finishWork(channel) || channel.takeReply() != nil ? 0 : nil
        case .none, .closing: return nil
        }
    }

    /// The answer to something of its work has come.
    func finishWork(_ channel: Channel) -> Bool { false }

    /// It has asked for something of its work.
    func awaitsWork() { self.waits = true }

    /// Different for every channel, as those are that the broker makes up (C37).
    var consumerTag: String { "c\(self.channel?.incarnation ?? 0)" }

    private func start(_ place: Int, _ channel: Channel) {
        guard self.stage != .running else { return }
        guard place < self.steps.count else {
            self.stage = .running
            return
        }
        self.stage = .setUp(place)
        self.waits = true
        do throws(AMQPError) {
            switch self.steps[place] {
            case .declare(let queue):
                try channel.startDeclareQueue(queue, arguments: self.world.queueArguments)
            case .confirms: try channel.startConfirms()
            case .transactions: try channel.startRequest(TxSelect(), expecting: .txSelectOk)
            case .prefetch(let count):
                try channel.startRequest(BasicQos(prefetchCount: UInt16(count)), expecting: .basicQosOk)
            case .consume(let queue):
                channel.boundDeliveries()
                try channel.startConsume(queue, tag: self.consumerTag)
            }
        } catch {
            self.expectEnd(error, channel)
        }
    }

    /// A call has thrown: its channel has ended, or the call was wrong.
    func expectEnd(_ error: AMQPError, _ channel: Channel) {
        if error.code == .refusedLocally {
            self.world.violated(.waiterEndsOnce, "owner \(self.index) was refused: \(error)")
        }
    }

    // MARK: The end of the channel

    private func ended() {
        self.world.note(self.who, .channelEnded, UInt64(self.channel?.endReason?.code.rawValue ?? 0))
        self.waits = false
        self.stage = .none
        self.mailbox.detach()
        self.channel = nil
        self.channelEnded()
        self.open()
    }

    /// The connection has ended: it must know.
    func checkTold(_ link: Link) {
        guard self.channel != nil, self.link === link, !self.isBusy else { return }
        self.world.violated(.waiterEndsOnce, "owner \(self.index) was not told that its connection has ended")
    }

    /// Closes at once: what is unsettled goes back.
    func closeAtOnce() {
        guard let channel, self.stage != .closing, !self.isBusy else { return }
        if channel.startClose() {
            self.stage = .closing
            self.waits = true
            if self.world.mutant == .reusesNumberEarly { self.forgeCloseOk(channel.number) }
        } else {
            self.look()
        }
    }

    /// The same for an owner that does not look: somebody else ends its channel for it.
    func breakOff() {
        guard self.isBusy, let channel, self.stage != .closing else { return self.closeAtOnce() }
        channel.breaker.endChannel("broken off")
    }

    private func forgeCloseOk(_ number: UInt16) {
        let payload: [UInt8] = [0, 20, 0, 41]
        self.link?.forge([1, UInt8(number >> 8), UInt8(number & 0xFF), 0, 0, 0, 4] + payload + [0xCE])
    }

    /// Closes when nothing is in its hands.
    func drain() {
        guard let channel else { return }
        guard self.stage == .running, !self.waits else {
            if self.stage != .closing, self.stage != .draining, !self.isBusy { self.closeAtOnce() }
            return
        }
        self.stage = .draining
        self.beginDrain(channel)
        self.closeIfDrained()
    }

    func closeIfDrained() {
        guard self.stage == .draining, !self.waits, !self.isBusy, let channel, self.isReadyToClose(channel)
        else { return }
        self.closeAtOnce()
    }

    /// It asks for the end of its consumer.
    func cancelConsumer(_ channel: Channel) {
        self.waits = true
        do throws(AMQPError) {
            try channel.startRequest(BasicCancel(consumerTag: self.consumerTag), expecting: .basicCancelOk)
        } catch {
            self.expectEnd(error, channel)
        }
    }
}
