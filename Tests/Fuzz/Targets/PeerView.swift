import AMQPWire

/// What a strict peer makes of the client's octets; it knows what it sent itself.
///
/// Where a hostile peer may have confused matters by its own doing, the rules are the weaker ones.
struct PeerView {
    /// One channel number.
    struct Number {
        enum State { case closed, open, closing }
        var state = State.closed
        var closesSent = 0
        var closeOksSent = 0
        var closesReceived = 0
        var closeOksReceived = 0
        /// Our close crossed the peer's, and that was answered: its close-ok may be missing.
        var hasCrossed = false
        /// What the client waits for an answer to.
        var request: Method?
        /// Tags that the peer has given out in this life and the client has not settled.
        var outstanding: Set<UInt64> = []
        /// Given out by a peer that runs ahead of what the client has written: they may be of the next life.
        var early: Set<UInt64> = []
        /// Settled since the last commit: a rollback brings them back.
        var uncommitted: Set<UInt64> = []
        var deliveries: UInt64 = 0
        var publishes: UInt64 = 0

        var isAhead: Bool {
            self.state != .open || self.closeOksReceived > self.closesSent || self.closesReceived > self.closeOksSent
        }

        mutating func giveOut(_ tag: UInt64) {
            self.outstanding.insert(tag)
            if self.isAhead { self.early.insert(tag) }
        }
    }
    private enum Content: Equatable { case none, header(UInt16), body(UInt16, left: UInt64) }

    private(set) var numbers: [UInt16: Number] = [:]
    private(set) var frameMax = Frame.minSize
    private(set) var frames = 0
    private var content = Content.none
    private var headerLeft = Frame.protocolHeader[...]
    private var isOver = false
    /// The client wrote connection.close: its channels are over with it.
    private(set) var isClosing = false
    private var unread: [UInt8] = []

    private var unreadOfPeer: [UInt8] = []
    private var peerIsGarbled = false

    // MARK: What the client wrote

    mutating func clientWrote(_ octets: [UInt8]) throws(Finding) {
        var octets = octets[...]
        while let due = self.headerLeft.first, let octet = octets.first {
            guard due == octet else { throw Finding("the protocol header has \(octet) for \(due)") }
            self.headerLeft.removeFirst()
            octets.removeFirst()
        }
        self.unread += octets
        while let frame = try Self.takeFrame(&self.unread, most: self.frameMax) {
            try self.check(frame)
            self.frames += 1
        }
    }

    private struct WholeFrame {
        let type: UInt8
        let channel: UInt16
        let payload: [UInt8]
    }

    private static func takeFrame(_ octets: inout [UInt8], most: Int) throws(Finding) -> WholeFrame? {
        guard octets.count >= Frame.headerSize else { return nil }
        let size = octets[3..<7].reduce(0) { $0 << 8 | Int($1) }
        guard size + Frame.overhead <= most else { throw Finding("a frame of \(size + 8) octets, \(most) at most") }
        guard octets.count >= size + Frame.overhead else { return nil }
        guard octets[size + 7] == Frame.end else { throw Finding("a frame ends with \(octets[size + 7])") }
        let frame = WholeFrame(
            type: octets[0],
            channel: UInt16(octets[1]) << 8 | UInt16(octets[2]),
            payload: Array(octets[7..<(7 + size)])
        )
        octets.removeFirst(size + Frame.overhead)
        return frame
    }

    private mutating func check(_ frame: WholeFrame) throws(Finding) {
        let channel = frame.channel
        guard !self.isOver else { throw Finding("a frame after connection.close-ok") }
        guard !self.isClosing || channel == 0 else { throw Finding("a frame on \(channel) after connection.close") }
        switch frame.type {
        case Frame.heartbeat:
            guard channel == 0, frame.payload.isEmpty else { throw Finding("a heartbeat that is none") }
        case Frame.header:
            guard self.content == .header(channel), let header = Self.header(frame.payload) else {
                throw Finding("a content header on channel \(channel), where \(self.content) is due")
            }
            self.content = header.bodySize == 0 ? .none : .body(channel, left: header.bodySize)
        case Frame.body:
            guard case .body(channel, let left) = self.content, left >= frame.payload.count, !frame.payload.isEmpty
            else { throw Finding("\(frame.payload.count) octets of body on \(channel), where \(self.content) is due") }
            let rest = left - UInt64(frame.payload.count)
            self.content = rest == 0 ? .none : .body(channel, left: rest)
        case Frame.method:
            guard self.content == .none else { throw Finding("a method on \(channel), where \(self.content) is due") }
            guard let method = Self.decode(frame.payload) else { throw Finding("a method that can not be read") }
            guard (method.id.classID == 10) == (channel == 0) else { throw Finding("\(method.id) on \(channel)") }
            if channel == 0 { self.checkConnection(method) } else { try self.check(method, channel) }
        default: throw Finding("a frame of type \(frame.type)")
        }
    }

    private static func decode(_ payload: [UInt8]) -> Method? { payload.withUnsafeBytes { try? Method.decode($0) } }

    private static func header(_ payload: [UInt8]) -> ContentHeader? {
        payload.withUnsafeBytes { try? ContentHeader.decode($0) }
    }

    private mutating func checkConnection(_ method: Method) {
        switch method {
        case .connectionTuneOk(let tune): self.frameMax = tune.frameMax == 0 ? Int.max : Int(tune.frameMax)
        case .connectionClose: self.isClosing = true
        case .connectionCloseOk: self.isOver = true
        default: break
        }
    }

    private mutating func check(_ method: Method, _ channel: UInt16) throws(Finding) {
        var number = self.numbers[channel] ?? Number()
        defer { self.numbers[channel] = number }
        switch method {
        case .channelOpen:
            let isAnswered = number.state == .closed || number.closesSent <= number.closeOksReceived
            guard isAnswered || number.hasCrossed else {
                throw Finding("channel.open on \(channel), which is \(number.state)")
            }
            if !isAnswered { number.closesSent = number.closeOksReceived }
            number.hasCrossed = false
            number.state = .open
            number.outstanding = number.early
            number.early = []
            number.deliveries = 0
            number.publishes = 0
        case .channelCloseOk:
            number.closeOksSent += 1
            guard number.closeOksSent <= number.closesReceived, number.state != .closed else {
                throw Finding("channel.close-ok on \(channel) for no close, state \(number.state)")
            }
            if number.state == .open { number.state = .closed } else { number.hasCrossed = true }
        case .channelClose:
            guard number.state == .open else { throw Finding("channel.close on \(channel), \(number.state)") }
            number.state = .closing
            number.closesSent += 1
        default:
            guard number.state == .open else { throw Finding("\(method.id) on \(channel), which is \(number.state)") }
            try Self.check(method, channel, &number)
            if case .basicPublish = method {
                self.content = .header(channel)
                number.publishes += 1
            }
        }
        if Self.isRequest(method) { number.request = method }
    }

    private static func isRequest(_ method: Method) -> Bool {
        switch method {
        case .basicPublish, .basicAck, .basicNack, .basicReject, .channelCloseOk, .channelFlowOk: false
        default: true
        }
    }

    private static func check(_ method: Method, _ channel: UInt16, _ number: inout Number) throws(Finding) {
        let (tag, multiple): (UInt64, Bool)
        switch method {
        case .basicAck(let ack): (tag, multiple) = (ack.deliveryTag, ack.multiple)
        case .basicNack(let nack): (tag, multiple) = (nack.deliveryTag, nack.multiple)
        case .basicReject(let reject): (tag, multiple) = (reject.deliveryTag, false)
        case .channelOpenOk, .channelFlow, .basicDeliver, .basicReturn, .basicGetOk, .basicCancelOk:
            throw Finding("\(method.id), which a client never sends, on \(channel)")
        default: return
        }
        guard tag > 0, number.outstanding.contains(tag) else {
            throw Finding("\(method.id) of \(tag) on \(channel), which is not outstanding")
        }
        let settled = multiple ? number.outstanding.filter { $0 <= tag } : [tag]
        number.outstanding.subtract(settled)
        number.uncommitted.formUnion(settled)
    }

    // MARK: What the peer wrote

    /// To be told before the client gets the octets.
    mutating func peerWrote(_ octets: some Collection<UInt8>) {
        guard !self.peerIsGarbled else { return }
        self.unreadOfPeer += octets
        do throws(Finding) {
            while let frame = try Self.takeFrame(&self.unreadOfPeer, most: Int.max) {
                guard frame.type == Frame.method, frame.channel != 0 else { continue }
                guard let method = Self.decode(frame.payload) else { continue }
                self.note(method, frame.channel)
            }
        } catch {
            self.peerIsGarbled = true
        }
    }

    private mutating func note(_ method: Method, _ channel: UInt16) {
        var number = self.numbers[channel] ?? Number()
        switch method {
        case .channelClose: number.closesReceived += 1
        case .channelCloseOk: number.closeOksReceived += 1
        case .basicDeliver(let deliver): number.giveOut(deliver.deliveryTag)
        case .basicGetOk(let got): number.giveOut(got.deliveryTag)
        case .txCommitOk: number.uncommitted = []
        case .txRollbackOk: number.outstanding.formUnion(number.uncommitted)
        default: break
        }
        self.numbers[channel] = number
    }

    // MARK: For a peer that means to behave

    mutating func nextTag(_ channel: UInt16) -> UInt64 {
        self.numbers[channel, default: Number()].deliveries += 1
        return self.numbers[channel]?.deliveries ?? 1
    }

    mutating func takeRequest(_ channel: UInt16) -> Method? {
        defer { self.numbers[channel]?.request = nil }
        return self.numbers[channel]?.request
    }
}
