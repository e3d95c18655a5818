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
        /// What is ready to be sent in answer to requests.
        var answers: [Answer] = []
        var closesSent = 0
        /// The client closed, too: nothing but its close-ok may follow (C33).
        var clientClosed = false
        var consumerTag = ""
        var consumes = false
        var isConfirming = false
        var isFlowing = true
        var nextTag: UInt64 = 1
        var outstanding: Set<UInt64> = []
        var published: UInt64 = 0
        var unconfirmed: [UInt64] = []
        var isMandatory = false
        /// Mandatory publishes by their number, with what comes back with them.
        var mandatory: [UInt64: BasicProperties] = [:]
        var returned: Set<UInt64> = []
        var properties = BasicProperties()
        var isTransactional = false
        /// From commit to commit-ok nothing may come (C64).
        var isCommitting = false
        /// Settled since the last commit.
        var uncommitted: [UInt64] = []
        var content = Content.none
    }
    struct Answer {
        /// What happens with it.
        enum Kind { case plain, consume, get, recover, commit, rollback }
        let kind: Kind
        let octets: [UInt8]
    }
    enum Settling: Equatable { case ack, nack, reject }
    enum Content: Equatable { case none, header(ofPublish: Bool), body(remaining: Int) }

    var lives: [UInt16: Life] = [:]
    /// Octets on their way to the client.
    var wire: [UInt8] = []
    /// What a real broker would have ended the connection for.
    var violations: [String] = []
    /// Confirms sent, by life and sequence number.
    var confirmed: [String: ConfirmAnswer] = [:]
    var closeOksReceived = 0
    var closesAnswerable = 0
    /// Closes of the client that came after ours and before its answer.
    var crossedCloses = 0
    /// Whether it leaves some of them without an answer, as RabbitMQ does.
    var losesCloseOks = false
    /// Closes of the client that it never answers.
    var lostCloseOks = 0
    var connectionClosed = false
    var connectionCloseOks = 0
    /// How each delivery was settled, by `number.life`.
    var settlings: [String: [UInt64: Settling]] = [:]
    var multipleAcks = 0
    var splitter = FrameSplitter(from: .client, frameMax: 4096)
    let channelMax: UInt16

    enum ConfirmAnswer: Equatable { case ack, nack, returned }

    init(channelMax: UInt16) { self.channelMax = channelMax }

    static func key(_ number: UInt16, _ life: Int) -> String { "\(number).\(life)" }
    static func key(_ number: UInt16, _ life: Int, _ sequence: UInt64) -> String { "\(number).\(life).\(sequence)" }

    mutating func take(_ count: Int) -> [UInt8] {
        let taken = Array(self.wire.prefix(count))
        self.wire.removeFirst(taken.count)
        return taken
    }

    mutating func send(_ method: some AMQPMethod, _ number: UInt16) throws {
        self.wire += try Octets.method(method, on: number)
    }

    // MARK: What it does by itself

    var openNumbers: [UInt16] { self.lives.filter { $0.value.state == .open }.keys.sorted() }
    var closingNumbers: [UInt16] { self.lives.filter { $0.value.state == .closing }.keys.sorted() }
    var answering: [UInt16] { self.lives.filter { !$0.value.answers.isEmpty }.keys.sorted() }

    mutating func answer(_ number: UInt16) throws {
        guard var life = self.lives[number], !life.answers.isEmpty else { return }
        let answer = life.answers.removeFirst()
        life.openOkSent = true  // the first answer of every life
        self.wire += answer.octets
        switch answer.kind {
        case .plain: break
        case .consume: life.consumes = true  // deliveries come behind it
        case .get where life.nextTag % 3 == 0: try self.send(BasicGetEmpty(), number)
        case .get:
            let ok = BasicGetOk(deliveryTag: life.nextTag, exchange: "", routingKey: "q", messageCount: 0)
            let body = Array("\(number).\(life.count).\(life.nextTag)|".utf8)
            self.wire += try Octets.content(ok, body, on: number, frameMax: 4096)
            life.outstanding.insert(life.nextTag)
            life.nextTag += 1
        case .recover: life.outstanding = []  // they come again, with new tags
        case .commit:
            life.isCommitting = false
            life.uncommitted = []
        case .rollback:
            life.outstanding.formUnion(life.uncommitted)
            for tag in life.uncommitted { self.settlings[Self.key(number, life.count)]?[tag] = nil }
            life.uncommitted = []
        }
        self.lives[number] = life
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
        let label = "\(number).\(life.count).\(life.nextTag)|"
        try self.sendDelivery(number, life.consumerTag, life.nextTag, label, size)
    }

    /// RabbitMQ goes on delivering behind its channel.close, even behind the open-ok of the number's next life (C37).
    ///
    /// - Parameters:
    ///   - number: Its channel's.
    ///   - size: Octets of its body, at least.
    ///   - isNext: Whether its tag is the next one of this life, which the consumer's name alone tells apart.
    /// - Returns: Whether one was sent on an open channel.
    /// - Throws: What can not be encoded.
    mutating func deliverStray(_ number: UInt16, size: Int, isNext: Bool) throws -> Bool {
        guard let life = self.lives[number], life.count > 1 || life.openOkSent else { return false }
        if life.state != .open || !life.openOkSent {
            try self.sendDelivery(number, "old", life.nextTag, "stray|", size)
            return false
        }
        guard life.count > 1 else { return false }
        try self.sendDelivery(number, "old", isNext ? life.nextTag : life.nextTag + 40, "stray|", size)
        return true
    }

    private mutating func sendDelivery(
        _ number: UInt16,
        _ consumer: String,
        _ tag: UInt64,
        _ label: String,
        _ size: Int
    ) throws {
        self.wire += try Octets.content(
            BasicDeliver(consumerTag: consumer, deliveryTag: tag, exchange: "", routingKey: "q"),
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
        for one in settled {
            let verdict: ConfirmAnswer = positive ? life.returned.contains(one) ? .returned : .ack : .nack
            self.confirmed[Self.key(number, life.count, one)] = verdict
        }
        self.lives[number]?.unconfirmed.removeAll { settled.contains($0) }
        if positive {
            try self.send(BasicAck(deliveryTag: sequence, multiple: multiple), number)
        } else {
            try self.send(BasicNack(deliveryTag: sequence, multiple: multiple, requeue: false), number)
        }
    }

    /// The first mandatory publish that is not answered comes back; its confirm follows at some time (C49).
    mutating func returnPublish(_ number: UInt16) throws {
        guard let life = self.lives[number], life.state == .open,
            let sequence = life.unconfirmed.first(where: { life.mandatory[$0] != nil && !life.returned.contains($0) }),
            let properties = life.mandatory[sequence]
        else { return }
        self.lives[number]?.returned.insert(sequence)
        self.wire += try Octets.content(
            BasicReturn(replyCode: 312, replyText: "NO_ROUTE", exchange: "", routingKey: "q"),
            [1],
            on: number,
            frameMax: 4096,
            properties: properties
        )
    }

    mutating func toggleFlow(_ number: UInt16) throws {
        guard let life = self.lives[number], life.state == .open, life.openOkSent else { return }
        self.lives[number]?.isFlowing.toggle()
        try self.send(ChannelFlow(active: !life.isFlowing), number)
    }

    mutating func resumeFlow(_ number: UInt16) throws {
        if self.lives[number]?.isFlowing == false { try self.toggleFlow(number) }
    }

    mutating func cancelConsumer(_ number: UInt16) throws {
        guard self.lives[number]?.state == .open, self.lives[number]?.consumes == true else { return }
        self.lives[number]?.consumes = false
        let tag = self.lives[number]?.consumerTag ?? ""
        try self.send(BasicCancel(consumerTag: tag, noWait: true), number)
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
}
