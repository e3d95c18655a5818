import AMQPWire
import TestSupport

/// A broker that is strict about what it gets and free in what it does.
///
/// It answers when the simulation says so, and notes every frame for which RabbitMQ would end the connection.
struct SimulatedBroker {
    /// One life of a channel number, from open to free.
    struct Life {
        enum State: Equatable { case closed, open, closing }
        var state = State.closed
        var openOkSent = false
        /// Counts the lives of this number; bodies carry it.
        var count = 0
        /// Frames ready to be sent in answer to requests.
        var answers: [[UInt8]] = []
        var closesSent = 0
        /// The client closed, too: nothing but its close-ok may follow (C33).
        var clientClosed = false
        var consumeOk: [UInt8]?
        var consumes = false
        var isConfirming = false
        var isFlowing = true
        var nextTag: UInt64 = 1
        var outstanding: Set<UInt64> = []
        var published: UInt64 = 0
        var unconfirmed: [UInt64] = []
        var content = Content.none
    }
    enum Content: Equatable { case none, header(ofPublish: Bool), body(remaining: Int) }

    private(set) var lives: [UInt16: Life] = [:]
    /// Octets on their way to the client.
    private(set) var wire: [UInt8] = []
    /// What a real broker would have ended the connection for.
    private(set) var violations: [String] = []
    /// Confirms sent, by life and sequence number.
    private(set) var confirmed: [String: ConfirmAnswer] = [:]
    private(set) var closeOksReceived = 0
    private(set) var closesAnswerable = 0
    /// Closes of the client that came after ours and before its answer.
    private(set) var crossedCloses = 0
    private(set) var connectionClosed = false
    private var unread: [UInt8] = []
    private var sawHeader = false
    let channelMax: UInt16

    enum ConfirmAnswer: Equatable { case ack, nack }

    init(channelMax: UInt16) { self.channelMax = channelMax }

    static func key(_ number: UInt16, _ life: Int, _ sequence: UInt64) -> String { "\(number).\(life).\(sequence)" }

    mutating func take(_ count: Int) -> [UInt8] {
        let taken = Array(self.wire.prefix(count))
        self.wire.removeFirst(taken.count)
        return taken
    }

    private mutating func send(_ method: some AMQPMethod, _ number: UInt16) throws {
        self.wire += try Octets.method(method, on: number)
    }

    // MARK: What it does by itself

    var openNumbers: [UInt16] { self.lives.filter { $0.value.state == .open }.keys.sorted() }
    var closingNumbers: [UInt16] { self.lives.filter { $0.value.state == .closing }.keys.sorted() }
    var answering: [UInt16] { self.lives.filter { !$0.value.answers.isEmpty }.keys.sorted() }

    mutating func answer(_ number: UInt16) {
        guard let answers = self.lives[number]?.answers, let first = answers.first else { return }
        self.wire += first
        self.lives[number]?.answers.removeFirst()
        if first == self.lives[number]?.consumeOk { self.lives[number]?.consumes = true }  // deliveries come behind it
        self.lives[number]?.openOkSent = true  // the first answer of every life
    }

    mutating func close(_ number: UInt16, _ code: ReplyCode) throws {
        guard self.lives[number]?.state == .open, self.lives[number]?.openOkSent == true else { return }
        self.lives[number]?.state = .closing
        self.lives[number]?.answers.removeAll()
        self.lives[number]?.closesSent = 1
        self.closesAnswerable += 1
        try self.send(ChannelClose(replyCode: code, replyText: "\(code)", classID: 60, methodID: 40), number)
    }

    /// RabbitMQ repeats its close until it is answered (C38).
    mutating func repeatClose(_ number: UInt16) throws {
        guard self.lives[number]?.state == .closing else { return }
        self.lives[number]?.closesSent += 1
        try self.send(ChannelClose(replyCode: 406, replyText: "again", classID: 60, methodID: 80), number)
    }

    mutating func deliver(_ number: UInt16, size: Int) throws {
        guard let life = self.lives[number], life.state == .open, life.consumes else { return }
        self.lives[number]?.nextTag += 1
        self.lives[number]?.outstanding.insert(life.nextTag)
        try self.sendDelivery(number, life.nextTag, "\(number).\(life.count).\(life.nextTag)|", size)
    }

    /// RabbitMQ goes on delivering behind its channel.close, even behind the open-ok of the number's next life (C37).
    mutating func deliverStray(_ number: UInt16, size: Int) throws {
        guard let life = self.lives[number], life.count > 1 || life.openOkSent else { return }
        if life.state != .open || !life.openOkSent {
            try self.sendDelivery(number, life.nextTag, "stray|", size)
        } else if life.count > 1 {
            try self.sendDelivery(number, life.nextTag + 40, "stray|", size)
        }
    }

    private mutating func sendDelivery(_ number: UInt16, _ tag: UInt64, _ label: String, _ size: Int) throws {
        self.wire += try Octets.content(
            BasicDeliver(consumerTag: "c", deliveryTag: tag, exchange: "", routingKey: "q"),
            Array(label.utf8) + [UInt8](repeating: 7, count: size),
            on: number,
            frameMax: 4096
        )
    }

    mutating func confirm(_ number: UInt16, upTo index: Int, multiple: Bool, positive: Bool) throws {
        guard let life = self.lives[number], life.state == .open, life.openOkSent, index < life.unconfirmed.count else {
            return
        }
        let sequence = life.unconfirmed[index]
        let settled = multiple ? Array(life.unconfirmed[...index]) : [sequence]
        for one in settled { self.confirmed[Self.key(number, life.count, one)] = positive ? .ack : .nack }
        self.lives[number]?.unconfirmed.removeAll { settled.contains($0) }
        if positive {
            try self.send(BasicAck(deliveryTag: sequence, multiple: multiple), number)
        } else {
            try self.send(BasicNack(deliveryTag: sequence, multiple: multiple, requeue: false), number)
        }
    }

    mutating func toggleFlow(_ number: UInt16) throws {
        guard let life = self.lives[number], life.state == .open, life.openOkSent else { return }
        self.lives[number]?.isFlowing.toggle()
        try self.send(ChannelFlow(active: !life.isFlowing), number)
    }

    mutating func cancelConsumer(_ number: UInt16) throws {
        guard self.lives[number]?.state == .open, self.lives[number]?.consumes == true else { return }
        self.lives[number]?.consumes = false
        try self.send(BasicCancel(consumerTag: "c", noWait: true), number)
    }

    mutating func setBlocked(_ blocked: Bool) throws {
        if blocked {
            try self.send(ConnectionBlocked(reason: "low on memory"), 0)
        } else {
            try self.send(ConnectionUnblocked(), 0)
        }
    }

    mutating func closeConnection() throws {
        try self.send(ConnectionClose(replyCode: 320, replyText: "CONNECTION_FORCED", classID: 0, methodID: 0), 0)
    }

    // MARK: What it gets

    mutating func receive(_ bytes: [UInt8]) throws {
        self.unread += bytes
        if !self.sawHeader {
            guard self.unread.count >= 8 else { return }
            self.unread.removeFirst(8)
            self.sawHeader = true
            try self.send(ConnectionStart(mechanisms: Array("PLAIN".utf8), locales: Array("en_US".utf8)), 0)
        }
        var offset = 0
        while self.unread.count - offset >= 8 {
            let size = self.unread[(offset + 3)..<(offset + 7)].reduce(0) { $0 << 8 | Int($1) }
            guard self.unread.count - offset >= size + 8 else { break }
            let number = UInt16(self.unread[offset + 1]) << 8 | UInt16(self.unread[offset + 2])
            if self.unread[offset + size + 7] != Frame.end { self.violations.append("501: no end octet") }
            if size + 8 > 4096 { self.violations.append("501: a frame of \(size + 8) octets") }
            let payload = Array(self.unread[(offset + 7)..<(offset + 7 + size)])
            try self.frame(self.unread[offset], number, payload)
            offset += size + 8
        }
        self.unread.removeFirst(offset)
    }

    private mutating func frame(_ type: UInt8, _ number: UInt16, _ payload: [UInt8]) throws {
        if number == 0 { return type == Frame.heartbeat ? () : try self.connectionMethod(payload) }
        var life = self.lives[number] ?? Life()
        defer { self.lives[number] = life }
        switch (type, life.content) {
        case (Frame.method, .none): break
        case (Frame.method, _): self.violations.append("505: a method inside a content on channel \(number)")
        case (Frame.header, .header(let ofPublish)):
            let size = payload[4..<12].reduce(0) { $0 << 8 | Int($1) }
            life.content = size == 0 ? .none : .body(remaining: size)
            if size == 0, ofPublish { Self.published(&life) }
            return
        case (Frame.body, .body(let remaining)):
            let left = remaining - payload.count
            if left < 0 { self.violations.append("505: a body longer than announced on channel \(number)") }
            life.content = left <= 0 ? .none : .body(remaining: left)
            if left <= 0 { Self.published(&life) }
            return
        default:
            self.violations.append("505: frame type \(type) in \(life.content) on channel \(number)")
            return
        }
        let method = try payload.withUnsafeBytes { try Method.decode($0) }
        if case .basicPublish = method { life.content = .header(ofPublish: true) }
        switch life.state {
        case .closed:
            guard case .channelOpen = method else {
                self.violations.append("504: \(method.id) on channel \(number), which is not open")
                return
            }
            guard number <= self.channelMax else { return self.violations.append("530: channel \(number)") }
            life = Life(state: .open, count: life.count + 1)
            life.answers.append(try Octets.method(ChannelOpenOk(), on: number))
        case .closing: try self.whileClosing(method, number, &life)
        case .open: try self.whileOpen(method, number, &life)
        }
    }

    private static func published(_ life: inout Life) {
        guard life.isConfirming, life.state == .open else { return }
        life.published += 1
        life.unconfirmed.append(life.published)
    }

    private mutating func whileClosing(_ method: Method, _ number: UInt16, _ life: inout Life) throws {
        switch method {
        case .channelCloseOk:
            self.closeOksReceived += 1
            // A close of the client that crossed ours has been answered before (C39).
            life.state = .closed
        case _ where life.clientClosed: self.violations.append("504: \(method.id) behind channel.close on \(number)")
        case .channelClose:
            life.clientClosed = true
            self.crossedCloses += 1
            try self.send(ChannelCloseOk(), number)
        default: break  // queued before the client saw our close (C36)
        }
    }

    private mutating func whileOpen(_ method: Method, _ number: UInt16, _ life: inout Life) throws {
        func reply(_ method: some AMQPMethod) throws { life.answers.append(try Octets.method(method, on: number)) }
        switch method {
        case .channelClose:
            life.answers.removeAll()
            life.state = .closed
            try self.send(ChannelCloseOk(), number)
        case .channelFlowOk, .basicPublish: break
        case .basicQos: try reply(BasicQosOk())
        case .confirmSelect:
            life.isConfirming = true
            try reply(ConfirmSelectOk())
        case .basicConsume:
            try reply(BasicConsumeOk(consumerTag: "c"))
            life.consumeOk = life.answers.last
        case .queueDeclare(let declare):
            try reply(QueueDeclareOk(queue: declare.queue, messageCount: 0, consumerCount: 0))
        case .basicAck(let ack): self.settle(ack.deliveryTag, ack.multiple, number, &life)
        case .basicNack(let nack): self.settle(nack.deliveryTag, nack.multiple, number, &life)
        case .basicReject(let reject): self.settle(reject.deliveryTag, false, number, &life)
        default: self.violations.append("503: \(method.id) on channel \(number)")
        }
    }

    private mutating func settle(_ tag: UInt64, _ multiple: Bool, _ number: UInt16, _ life: inout Life) {
        guard life.outstanding.contains(tag) else {
            return self.violations.append("406: unknown delivery tag \(tag) on channel \(number)")
        }
        life.outstanding = multiple ? life.outstanding.filter { $0 > tag } : life.outstanding.subtracting([tag])
    }

    private mutating func connectionMethod(_ payload: [UInt8]) throws {
        switch try payload.withUnsafeBytes({ try Method.decode($0) }) {
        case .connectionStartOk:
            try self.send(ConnectionTune(channelMax: self.channelMax, frameMax: 4096, heartbeat: 0), 0)
        case .connectionOpen: try self.send(ConnectionOpenOk(), 0)
        case .connectionClose:
            self.connectionClosed = true
            try self.send(ConnectionCloseOk(), 0)
        case .connectionCloseOk: self.connectionClosed = true
        case .connectionTuneOk: break
        case let method: self.violations.append("503: \(method.id) on channel 0")
        }
    }
}
