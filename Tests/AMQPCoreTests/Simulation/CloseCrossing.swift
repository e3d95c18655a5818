import AMQPCore
import AMQPWire
import TestSupport

/// One publish of which the socket took `cut` octets, and the closes that meet there.
struct CloseCrossing {
    enum Order: CaseIterable { case theirs, ours, theirsThenOurs, oursThenTheirs }
    /// The broker repeats its close until it has read the answer.
    enum Repeat: CaseIterable { case never, atOnce, whileItOpensAgain }
    enum Closer: CaseIterable { case owner, breaker }

    let order: Order
    let again: Repeat
    let closer: Closer
    /// Octets of the publish that the socket took at once.
    let cut: Int
    /// Whether the socket takes the rest before the second close.
    let drainsBetween: Bool
    private(set) var failures: [String] = []

    init(_ order: Order, _ again: Repeat, _ closer: Closer, cut: Int, drainsBetween: Bool) {
        self.order = order
        self.again = again
        self.closer = closer
        self.cut = cut
        self.drainsBetween = drainsBetween
    }

    static let frameMax = 64
    private static let message = OutgoingMessage([UInt8](repeating: 5, count: 80), routingKey: "q")
    private static let refusal = ChannelClose(replyCode: 404, replyText: "NOT_FOUND", classID: 60, methodID: 40)

    /// Method, header, and two body frames.
    static func content() throws -> [UInt8] {
        try Octets.content(BasicPublish(routingKey: "q"), Self.message.body, on: 1, frameMax: Self.frameMax)
    }

    private var oursComesFirst: Bool { self.order == .ours || self.order == .oursThenTheirs }
    /// Ours waits behind the publish when theirs comes.
    private var isTakenBack: Bool {
        get throws { try self.order == .oursThenTheirs && !self.drainsBetween && self.cut < Self.content().count }
    }

    private mutating func expect(_ holds: Bool, _ what: String) {
        if holds { return }
        self.failures.append(
            "\(what): \(self.order), repeated \(self.again), by \(self.closer), cut \(self.cut), drained between: \(self.drainsBetween)"
        )
    }

    private func wire() throws -> [UInt8] {
        func ack(_ tag: UInt64) throws -> [UInt8] {
            try Octets.method(BasicAck(deliveryTag: tag, multiple: false), on: 1)
        }
        var octets = try Self.content() + ack(1)
        if self.oursComesFirst {
            // The ack that was given before the close is sent before it.
            let text = self.closer == .owner ? "closed by its owner" : "stuck"
            let close = ChannelClose(replyCode: .replySuccess, replyText: text, classID: 0, methodID: 0)
            octets += try ack(2) + (self.isTakenBack ? [] : Octets.method(close, on: 1))
        }
        if self.order != .ours { octets += try Octets.method(ChannelCloseOk(), on: 1) }
        return try octets + Octets.method(ChannelOpen(), on: 1) + Octets.method(BasicQos(prefetchCount: 7), on: 1)
    }

    mutating func run() throws {
        var client = try MemoryClient(channelMax: 1, frameMax: Self.frameMax)
        let channel = try client.openChannel()
        let deliveries = try client.consume(channel, deliveries: 3)
        try client.ask(channel, ConfirmSelect(), ConfirmSelectOk())
        channel.enterConfirms()
        try channel.startRequest(BasicQos(prefetchCount: 1), expecting: .basicQosOk)  // never answered
        _ = client.takeWire()

        client.transport.mood = .takes(self.cut)
        try channel.publish(Self.message)
        client.transport.mood = .takesAll
        try channel.ack(deliveries[0])
        client.tick()  // sends it behind the content
        try channel.ack(deliveries[1])

        switch self.order {
        case .theirs: try self.theirs(client)
        case .ours: self.ours(channel)
        case .theirsThenOurs:
            try self.theirs(client)
            if self.drainsBetween { client.transport.drain() }
            self.ours(channel)
        case .oursThenTheirs:
            self.ours(channel)
            if self.drainsBetween { client.transport.drain() }
            try self.theirs(client)
        }
        self.tryInVain(channel, deliveries[2], &client)
        let wire = client.takeWire()
        let next = try self.reopen(channel, &client)
        try self.finish(channel, next, deliveries[2], &client, wire)
    }

    private func theirs(_ client: MemoryClient) throws {
        for _ in 0..<(self.again == .atOnce ? 3 : 1) { try client.read(Self.refusal, on: 1) }
    }

    private mutating func ours(_ channel: Channel) {
        let isOurs = self.closer == .owner ? channel.startClose() : channel.breaker.endChannel("stuck")
        self.expect(isOurs == self.oursComesFirst, "whose close it is")
    }

    /// Whatever is given to a channel that ends goes nowhere.
    private mutating func tryInVain(_ channel: Channel, _ delivery: Delivery, _ client: inout MemoryClient) {
        _ = Scripted.error { () throws(AMQPError) in try channel.ack(delivery) }
        channel.sendAcks()
        client.tick()
        // An owner that tries this has its channel's end from the error, so it is no waiter any more.
        if self.cut % 2 == 0 {
            let error = Scripted.error { () throws(AMQPError) in try channel.publish(Self.message) }
            self.expect(error != nil, "a publish after the close")
        }
    }

    /// The number is taken until both debts are paid.
    private mutating func reopen(_ channel: Channel, _ client: inout MemoryClient) throws -> Channel {
        if try self.oursComesFirst && !self.isTakenBack {
            let error = Scripted.error { () throws(AMQPError) in _ = try client.startChannel() }
            self.expect(error?.code == .channelsExhausted, "the number was given out before close-ok came")
            channel.pump(until: 0)
            let isOver = channel.finishClose()
            self.expect(isOver == (self.closer == .breaker || self.cut % 2 == 0), "the owner waits for close-ok")
            if self.drainsBetween { client.transport.drain() }
            try client.read(ChannelCloseOk(), on: 1)
            channel.pump(until: 0)
            self.expect(channel.finishClose(), "the owner's wait ends with close-ok")
        }
        return try client.startChannel()
    }

    private mutating func finish(
        _ channel: Channel,
        _ next: Channel,
        _ delivery: Delivery,
        _ client: inout MemoryClient,
        _ begin: [UInt8]
    ) throws {
        if self.again == .whileItOpensAgain { try client.read(Self.refusal, on: 1) }
        try client.read(ChannelOpenOk(), on: 1)
        next.pump(until: 0)
        self.expect(next.takeReply() != nil && next.isOpen, "the number's next life opens")
        try next.startRequest(BasicQos(prefetchCount: 7), expecting: .basicQosOk)
        // The last life's delivery can not be settled any more, neither there nor here.
        for owner in [channel, next] {
            _ = Scripted.error { () throws(AMQPError) in try owner.ack(delivery) }
            owner.sendAcks()
        }
        client.tick()
        client.transport.drain()
        let wire = begin + client.takeWire()
        self.expect(try wire == self.wire(), "the wire")

        channel.pump(until: 0)
        let reason = channel.endReason
        // Where both closed, a call that comes between is told the broker's reason, which says more than our own; so is
        // the owner whose close was taken back.
        let isTakenBack = try self.isTakenBack
        let wasTold = self.order == .oursThenTheirs && self.closer == .owner && (self.cut % 2 == 0 || isTakenBack)
        self.expect((reason?.code.rawValue == 404) == (!self.oursComesFirst || wasTold), "the reason of the end")
        self.expect(channel.takeReply() == nil, "a reply from nobody")
        self.expect(channel.takeVerdicts().map(\.verdict) == [.unknown], "the publish has one verdict")
        try client.read(BasicQosOk(), on: 1)
        next.pump(until: 0)
        self.expect(next.takeReply() != nil, "the next life's request is answered")
        self.expect(client.host.ends.isEmpty, "the connection goes on")
        client.core.endOfFileReceived()
        next.pump(until: 0)
        self.expect(next.endReason != nil, "the end of the connection is told")
        self.expect(!channel.pump(until: 0) && channel.takeVerdicts().isEmpty, "nothing is told twice")
        self.expect(channel.endReason == reason, "the reason stays")
    }
}
