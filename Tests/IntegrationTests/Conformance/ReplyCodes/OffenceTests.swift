import AMQPWire
import TestSupport
import Testing

/// What a real broker answers to breaches of the protocol.
///
/// Sent by a raw client: ours has no call that makes any of them.
@Suite(
    .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"),
    .tags(.rabbitMQWords),
    .onRabbitMQ,
    .timeLimit(.minutes(10))
)
struct OffenceTests {
    static let preconditionFailed = [
        Offence(
            "C46: tx after confirm",
            .preconditionFailed,
            endsChannel: true,
            method: .txSelect,
            "cannot switch from confirm to tx mode"
        ) {
            try $0.ask(ConfirmSelect(), ConfirmSelectOk.self, on: 1)
            try $0.send(TxSelect(), on: 1)
        },
        Offence(
            "C46: confirm after tx",
            .preconditionFailed,
            endsChannel: true,
            method: .confirmSelect,
            "cannot switch from tx to confirm mode"
        ) {
            try $0.ask(TxSelect(), TxSelectOk.self, on: 1)
            try $0.send(ConfirmSelect(), on: 1)
        },
        Offence(
            "C64: commit without select",
            .preconditionFailed,
            endsChannel: true,
            method: .txCommit,
            "channel is not transactional"
        ) {
            try $0.send(TxCommit(), on: 1)
        },
        Offence(
            "C64: rollback without select",
            .preconditionFailed,
            endsChannel: true,
            method: .txRollback,
            "channel is not transactional"
        ) {
            try $0.send(TxRollback(), on: 1)
        },
        Offence(
            "C53: ack of a tag never given out",
            .preconditionFailed,
            endsChannel: true,
            method: .basicAck,
            "unknown delivery tag 7"
        ) {
            try $0.send(BasicAck(deliveryTag: 7), on: 1)
        },
        Offence(
            "C53: the same with multiple",
            .preconditionFailed,
            endsChannel: true,
            method: .basicAck,
            "unknown delivery tag 7"
        ) {
            try $0.send(BasicAck(deliveryTag: 7, multiple: true), on: 1)
        },
        Offence(
            "C53: ack of tag 0 without multiple",
            .preconditionFailed,
            endsChannel: true,
            method: .basicAck,
            "unknown delivery tag 0"
        ) {
            try $0.send(BasicAck(deliveryTag: 0), on: 1)
        },
        Offence(
            "C53: reject of a tag never given out",
            .preconditionFailed,
            endsChannel: true,
            method: .basicReject,
            "unknown delivery tag 1"
        ) {
            try $0.send(BasicReject(deliveryTag: 1, requeue: true), on: 1)
        },
        Offence(
            "C53: nack of a tag never given out",
            .preconditionFailed,
            endsChannel: true,
            method: .basicNack,
            "unknown delivery tag 1"
        ) {
            try $0.send(BasicNack(deliveryTag: 1, requeue: true), on: 1)
        },
        Offence(
            "C53: a second ack",
            .preconditionFailed,
            endsChannel: true,
            method: .basicAck,
            "unknown delivery tag 1"
        ) {
            try $0.take(1, noAck: false)
            try $0.send(BasicAck(deliveryTag: 1), on: 1)
            try $0.send(BasicAck(deliveryTag: 1), on: 1)
        },
        Offence(
            "C53: an ack of what an ack of many covered",
            .preconditionFailed,
            endsChannel: true,
            method: .basicAck,
            "unknown delivery tag 1"
        ) {
            try $0.take(2, noAck: false)
            try $0.send(BasicAck(deliveryTag: 2, multiple: true), on: 1)
            try $0.send(BasicAck(deliveryTag: 1), on: 1)
        },
        Offence(
            "C53: ack of a message taken without ack",
            .preconditionFailed,
            endsChannel: true,
            method: .basicAck,
            "unknown delivery tag 1"
        ) {
            try $0.take(1, noAck: true)
            try $0.send(BasicAck(deliveryTag: 1), on: 1)
        },
    ]

    @Test(arguments: preconditionFailed)
    func `C46 C53 C64: 406 PRECONDITION_FAILED ends the channel`(offence: Offence) async throws {
        try await offence.play()
    }

    static let frameError = [
        Offence("C21: a wrong end octet", .frameError) {
            try $0.frames.sendRaw(Octets.frame(Frame.method, 1, [0, 20, 0, 10, 0], end: 0xCF))
        },
        Offence("C21: a frame of unknown type", .frameError) { try $0.frames.sendRaw(Octets.frame(9, 1, [1])) },
        Offence("C21: a frame larger than frame-max", .frameError) {
            try $0.frames.sendRaw([Frame.method, 0, 1, 0x00, 0x10, 0x00, 0x00])
        },
        Offence("C21: arguments cut short", .frameError) {
            try $0.frames.sendRaw(Octets.frame(Frame.method, 1, [0, 60, 0, 80, 0, 0]))
        },
        Offence("C27: a short string that is not UTF-8", .frameError) {
            let arguments: [UInt8] = [0, 0, 2, 0xC3, 0x28, 0, 0, 0, 0, 0]
            try $0.frames.sendRaw(Octets.frame(Frame.method, 1, [0, 50, 0, 10] + arguments))
        },
        Offence("C16: a heartbeat with a payload", .frameError) { try $0.frames.sendRaw(Octets.frame(8, 0, [1])) },
    ]

    @Test(arguments: frameError)
    func `C16 C21 C27: 501 FRAME_ERROR ends the connection`(offence: Offence) async throws { try await offence.play() }

    static let commandInvalid = [
        Offence("a method that only the broker sends", .commandInvalid) {
            try $0.send(QueueDeclareOk(queue: "q", messageCount: 0, consumerCount: 0), on: 1)
        },
        Offence("close-ok on an open channel", .commandInvalid) { try $0.send(ChannelCloseOk(), on: 1) },
        Offence("C56: cancel-ok", { $0.straightCancelOk.code }) { try $0.send(BasicCancelOk(consumerTag: "c"), on: 1) },
        Offence("C65: flow-ok that nobody asked for", .commandInvalid) {
            try $0.send(ChannelFlowOk(active: true), on: 1)
        },
    ]

    @Test(arguments: commandInvalid)
    func `C35 C56 C65: what only the broker says, or nobody asked for, ends the connection`(offence: Offence)
        async throws
    {
        try await offence.play()
    }

    static let channelError = [
        Offence("C22: channel.open on channel 0", .channelError) { try $0.send(ChannelOpen(), on: 0) },
        Offence("a second connection.open", .channelError) { try $0.send(ConnectionOpen(virtualHost: "/"), on: 0) },
        Offence("C31: a second channel.open", .channelError, method: .channelOpen, "second 'channel.open' seen") {
            try $0.send(ChannelOpen(), on: 1)
        },
        Offence("C31: a method on a number not open", .channelError, "expected 'channel.open'") {
            try $0.send(BasicQos(prefetchCount: 1), on: 9)
        },
        Offence("C31: close-ok on a number not open", .channelError, "expected 'channel.open'") {
            try $0.send(ChannelCloseOk(), on: 9)
        },
        Offence("C33: an ack after our close was answered", .channelError, "expected 'channel.open'") {
            try $0.ask(ChannelClose(replyCode: 200, replyText: "bye"), ChannelCloseOk.self, on: 1)
            try $0.send(BasicAck(deliveryTag: 1), on: 1)
        },
        Offence("C33: an open in the same write as our close", .channelError, "second 'channel.open' seen") {
            try $0.sendTogether(ChannelClose(replyCode: 200, replyText: "bye"), ChannelOpen(), on: 1)
        },
        Offence("C36: a frame after our answer to the broker's close", .channelError, "expected 'channel.open'") {
            try $0.send(BasicGet(queue: Broker.unique("missing")), on: 1)
            try $0.answer(try $0.nextClose())
            try $0.send(BasicQos(prefetchCount: 1), on: 1)
        },
        Offence("C42: a second close-ok", .channelError, "expected 'channel.open'") {
            try $0.send(BasicGet(queue: Broker.unique("missing")), on: 1)
            let close = try $0.nextClose()
            try $0.answer(close)
            try $0.answer(close)
        },
    ]

    @Test(arguments: channelError)
    func `C22 C31 C33 C36 C42: 504 CHANNEL_ERROR ends the connection`(offence: Offence) async throws {
        try await offence.play()
    }

    static let notAllowed = [
        Offence("C52: a consumer tag in use", .notAllowed, method: .basicConsume, "attempt to reuse consumer tag 'c'") {
            let queue = try $0.declareQueue(on: 1)
            try $0.ask(BasicConsume(queue: queue, consumerTag: "c"), BasicConsumeOk.self, on: 1)
            try $0.send(BasicConsume(queue: queue, consumerTag: "c"), on: 1)
        },
        Offence("C32: one channel more than was agreed on", .notAllowed, "number of channels opened") {
            try $0.open(3)
            try $0.send(ChannelOpen(), on: 4)
        },
    ]

    @Test(arguments: notAllowed)
    func `C32 C52: 530 NOT_ALLOWED ends the connection`(offence: Offence) async throws { try await offence.play() }

    @Test func `C32: the agreed number bounds the count alone: 60,000 is taken`() async throws {
        try await Rig.run { rig in
            let raw = try rig.raw(channelMax: 2)
            try raw.open(60_000)
            _ = try raw.declareQueue(on: 60_000)
            try raw.open(1)
            try raw.send(ChannelOpen(), on: 2)
            let close = try raw.nextClose()
            #expect(close.code == .notAllowed && close.channel == 0)
            #expect(close.text.contains("number of channels opened (2)"), "\(close.text)")
        }
    }

    /// Our API has no words for any of these: `publish` has no `immediate`, `prefetch` no size, `recover` always
    /// requeues, and `channel.flow` is not offered.
    static let notImplemented = [
        Offence("C50: publish with immediate", .notImplemented, method: .basicPublish, "immediate=true") {
            try $0.frames.sendContent(BasicPublish(routingKey: "k", immediate: true), [1], on: 1)
        },
        Offence("C57: a prefetch size", .notImplemented, method: .basicQos, "prefetch_size!=0") {
            try $0.send(BasicQos(prefetchSize: 1000, prefetchCount: 1), on: 1)
        },
        Offence("C59: recover without requeue", .notImplemented, method: .basicRecover, "requeue=false") {
            try $0.send(BasicRecover(requeue: false), on: 1)
        },
        Offence("C65: flow active=0", .notImplemented, method: .channelFlow, "active=false") {
            try $0.send(ChannelFlow(active: false), on: 1)
        },
    ]

    @Test(arguments: notImplemented)
    func `C50 C57 C59 C65: 540 NOT_IMPLEMENTED ends the connection`(offence: Offence) async throws {
        try await offence.play()
    }

    static let internalError = [
        Offence("C30: a table value of unknown type in a message header", .internalError) {
            // Flags: headers. A table with the key "k" and a value of type 'Z', in a message that has to be looked at.
            let table: [UInt8] = [0, 0, 0, 4, 1, UInt8(ascii: "k"), UInt8(ascii: "Z"), 0]
            let header: [UInt8] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0]
            try $0.send(BasicPublish(exchange: "amq.headers", routingKey: "k"), on: 1)
            try $0.frames.sendRaw(Octets.frame(Frame.header, 1, header + table))
        },
        Offence("C26: a second word of property flags", .internalError) {
            let header: [UInt8] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
            try $0.send(BasicPublish(routingKey: "k"), on: 1)
            try $0.frames.sendRaw(Octets.frame(Frame.header, 1, header))
        },
    ]

    @Test(arguments: internalError)
    func `C26 C30: 541 INTERNAL_ERROR ends the connection`(offence: Offence) async throws { try await offence.play() }
}

extension RawClient {
    /// Takes messages out of a queue of its own, on channel 1.
    func take(_ count: Int, noAck: Bool) throws {
        let queue = try self.declareQueue(on: 1)
        for _ in 0..<count { try self.publish(to: queue, on: 1) }
        for tag in 1...count {
            let got = try self.ask(BasicGet(queue: queue, noAck: noAck), BasicGetOk.self, on: 1)
            #expect(got.deliveryTag == UInt64(tag))
            _ = try self.frames.next()
            _ = try self.frames.next()
        }
    }
}
