import AMQPWire
import TestSupport
import Testing

/// The order of frames in a content: what costs the connection, and what is fine.
@Suite(
    .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"),
    .tags(.rabbitMQWords),
    .onRabbitMQ,
    .timeLimit(.minutes(10))
)
struct UnexpectedFrameTests {
    static let offences = [
        Offence("C25: a method in the middle of a content", .unexpectedFrame) {
            try $0.send(BasicPublish(routingKey: "k"), on: 1)
            try $0.send(BasicAck(deliveryTag: 1), on: 1)
        },
        Offence("C25 C35: close-ok in the middle of a content", .unexpectedFrame) {
            try $0.send(BasicGet(queue: Broker.unique("missing")), on: 1)
            try $0.send(BasicPublish(routingKey: "k"), on: 1)
            try $0.answer(try $0.nextClose())
        },
        Offence("C25: a header without its method", .unexpectedFrame) {
            try $0.frames.sendRaw(Octets.frame(Frame.header, 1, [0, 60, 0, 0] + [UInt8](repeating: 0, count: 10)))
        },
        Offence("C23: an empty body frame after a header of size 0", .unexpectedFrame) {
            try $0.publish([], to: "k", on: 1)
            try $0.frames.sendRaw(Octets.frame(Frame.body, 1, []))
        },
        Offence("C24: a body frame after the body", .unexpectedFrame) {
            try $0.publish([1], to: "k", on: 1)
            try $0.frames.sendRaw(Octets.frame(Frame.body, 1, [2]))
        },
        // RabbitMQ 3.10 sees it by the next frame and blames the publish, 4.2 at once.
        Offence("C24: a body frame that is longer than the header says", { $0.overlongBody.code }) {
            try $0.sendHead(bodyBytes: 1, on: 1)
            try $0.frames.sendRaw(Octets.frame(Frame.body, 1, Array("hello".utf8)))
            try $0.send(BasicQos(prefetchCount: 1), on: 1)
        },
        Offence("C24: the header of another class", .unexpectedFrame, method: .basicPublish, "got one for class 50") {
            try $0.send(BasicPublish(routingKey: "k"), on: 1)
            try $0.frames.sendRaw(Octets.frame(Frame.header, 1, [0, 50, 0, 0] + [UInt8](repeating: 0, count: 10)))
        },
        Offence("C24: a header with a weight", .unexpectedFrame, method: .basicPublish, "expected content header") {
            try $0.send(BasicPublish(routingKey: "k"), on: 1)
            try $0.frames.sendRaw(Octets.frame(Frame.header, 1, [0, 60, 0, 1] + [UInt8](repeating: 0, count: 10)))
        },
        Offence("C16: a heartbeat on a channel", .unexpectedFrame) { try $0.frames.sendRaw(Octets.frame(8, 1, [])) },
    ]

    @Test(arguments: offences)
    func `C16 C23 C24 C25 C35: a frame out of its place ends the connection`(offence: Offence) async throws {
        try await offence.play()
    }

    @Test func `C25: frames of two channels may stand between each other's`() async throws {
        try await Rig.run { rig in
            let raw = try rig.raw()
            try raw.open(1, 2)
            let queue = try raw.declareQueue(on: 1)
            for channel: UInt16 in [1, 2] { try raw.ask(ConfirmSelect(), ConfirmSelectOk.self, on: channel) }
            for channel: UInt16 in [1, 2] { try raw.send(BasicPublish(routingKey: queue), on: channel) }
            for channel: UInt16 in [1, 2] { try raw.sendHeader(bodyBytes: 4, on: channel) }
            for (channel, piece) in [(1, "ab"), (2, "AB"), (2, "CD"), (1, "cd")] as [(UInt16, String)] {
                try raw.frames.sendRaw(Octets.frame(Frame.body, channel, Array(piece.utf8)))
            }
            for _ in 1...2 { #expect(try raw.frames.next().methodID == .basicAck) }
            var bodies: Set<String> = []
            for _ in 1...2 {
                try raw.ask(BasicGet(queue: queue, noAck: true), BasicGetOk.self, on: 1)
                _ = try raw.frames.next()
                bodies.insert(String(decoding: try raw.frames.next().payload, as: UTF8.self))
            }
            #expect(bodies == ["abcd", "ABCD"])
        }
    }

    @Test func `C35: a content that is under way is finished first, then close-ok is fine`() async throws {
        try await Rig.run { rig in
            let raw = try rig.raw()
            try raw.open(1)
            try raw.send(BasicGet(queue: Broker.unique("missing")), on: 1)
            try raw.sendHead(bodyBytes: 2, on: 1)
            let close = try raw.nextClose()
            #expect(close.code == .notFound && close.channel == 1)
            try raw.frames.sendRaw(Octets.frame(Frame.body, 1, [1, 2]))
            try raw.answer(close)
            try raw.open(1)
            _ = try raw.declareQueue(on: 1)
        }
    }
}

extension RawClient {
    /// A publish as far as its body.
    func sendHead(bodyBytes: UInt64, on channel: UInt16) throws {
        try self.send(BasicPublish(routingKey: "k"), on: channel)
        try self.sendHeader(bodyBytes: bodyBytes, on: channel)
    }

    func sendHeader(bodyBytes: UInt64, on channel: UInt16) throws {
        let size = withUnsafeBytes(of: bodyBytes.bigEndian) { Array($0) }
        try self.frames.sendRaw(Octets.frame(Frame.header, channel, [0, 60, 0, 0] + size + [0, 0]))
    }
}
