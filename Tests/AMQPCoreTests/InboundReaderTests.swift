import AMQPCore
import AMQPWire
import Testing
import TestSupport

@Suite struct InboundReaderTests {
    static let frameMax = 4096

    /// Deliveries of every shape on three channels, with frames of others between theirs.
    static func stream() throws -> [UInt8] {
        func deliver(_ tag: UInt64, _ key: String = "k") -> BasicDeliver {
            BasicDeliver(consumerTag: "c", deliveryTag: tag, redelivered: tag % 2 == 0, exchange: "x", routingKey: key)
        }
        func body(_ count: Int, _ seed: UInt8) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0) &+ seed } }
        func content(_ tag: UInt64, _ octets: [UInt8], _ channel: UInt16) throws -> [UInt8] {
            try Octets.content(
                deliver(tag),
                octets,
                on: channel,
                frameMax: Self.frameMax,
                properties: BasicProperties(contentType: "text/plain")
            )
        }
        let heartbeat = Octets.frame(8, 0, [])
        let ack = try Octets.method(BasicAck(deliveryTag: 9, multiple: true), on: 2)
        let long = try content(2, body(Self.frameMax * 2, 3), 3)
        let cut = Self.frameEnds(long)
        var stream = try content(1, [], 1) + content(1, [206], 2) + heartbeat + content(2, body(12, 1), 1)
        stream += try content(1, body(Self.frameMax - 8, 7), 3) + ack
        // The frames of one content, with those of other channels between them (C25).
        stream += long[..<cut[0]] + heartbeat + long[cut[0]..<cut[1]] + (try content(2, body(3, 9), 2))
        stream += long[cut[1]..<cut[2]] + ack + Octets.frame(3, 3, []) + long[cut[2]...]
        stream +=
            try content(3, body(1, 5), 1)
            + Octets.method(QueueDeclareOk(queue: "q", messageCount: 1, consumerCount: 0), on: 1)
        stream += try content(4, body(2, 5), 1)
        return stream
    }

    static func frameEnds(_ octets: [UInt8]) -> [Int] {
        var ends: [Int] = []
        var position = 0
        while position + 8 <= octets.count {
            position += 8 + octets[(position + 3)..<(position + 7)].reduce(0) { $0 << 8 | Int($1) }
            ends.append(position)
        }
        return ends
    }

    @Test func `C21 C23 C24 C25: a whole stream in one read`() throws {
        let seen = try InboundProbe.read([Self.stream()], frameMax: Self.frameMax).get()
        #expect(seen.bodies(1) == [[], (0..<12).map { $0 + 1 }, [5], [5, 6]])
        #expect(seen.bodies(2) == [[206], [9, 10, 11]])
        #expect(seen.bodies(3).map(\.count) == [Self.frameMax - 8, Self.frameMax * 2])
        #expect(seen.contents.map(\.tag).filter { $0 == 1 }.count == 3)
        #expect(seen.methods == ["2 basic.ack", "2 basic.ack", "1 queue.declare-ok"])
        #expect(seen.contents.allSatisfy { $0.type == "text/plain" && $0.redelivered == ($0.tag % 2 == 0) })
    }

    @Test func `C21: octet by octet it is the same`() throws {
        let stream = try Self.stream()
        let whole = try InboundProbe.read([stream], frameMax: Self.frameMax).get()
        #expect(try InboundProbe.read(stream.map { [$0] }, frameMax: Self.frameMax).get() == whole)
    }

    @Test func `C21: cut in two at every place it is the same`() throws {
        let stream = try Self.stream()
        let whole = try InboundProbe.read([stream], frameMax: Self.frameMax).get()
        for cut in 1..<stream.count {
            let parts = [Array(stream[..<cut]), Array(stream[cut...])]
            let seen = try InboundProbe.read(parts, frameMax: Self.frameMax).get()
            if seen != whole {
                Issue.record("cut at \(cut) of \(stream.count)")
                return
            }
        }
    }

    @Test func `C21: in random pieces it is the same`() throws {
        var seed = Seed()
        print("InboundReader: \(seed.replay)")
        let stream = try Self.stream()
        let whole = try InboundProbe.read([stream], frameMax: Self.frameMax).get()
        for _ in 0..<200 {
            var parts: [[UInt8]] = []
            var rest = stream[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...(Bool.random(using: &seed) ? 9 : 3000), using: &seed)
                parts.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(try InboundProbe.read(parts, frameMax: Self.frameMax).get() == whole, "\(seed.replay)")
        }
    }

    struct Broken: CustomTestStringConvertible {
        let testDescription: String
        let octets: [UInt8]
        let code: ReplyCode
        init(_ name: String, _ octets: [UInt8], _ code: ReplyCode) {
            self.testDescription = name
            self.octets = octets
            self.code = code
        }
    }
    static let header: [UInt8] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]
    static let deliver: [UInt8] = [0, 60, 0, 60, 1, 99, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 107]
    static let content = Octets.frame(1, 1, deliver) + Octets.frame(2, 1, header)
    static let broken: [Broken] = [
        Broken("C21: a bad end octet", Octets.frame(1, 1, [0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0], end: 0xCD), 501),
        Broken("C21: a bad end octet of a body", content + Octets.frame(3, 1, [1, 2], end: 0), 501),
        Broken("C21: a bad end octet of an empty body", content + Octets.frame(3, 1, [], end: 0), 501),
        Broken("C21: a bad end octet of a delivery", Octets.frame(1, 1, deliver, end: 1), 501),
        Broken("C21: frame type 4", Octets.frame(4, 1, [1]), 501),
        Broken("C21: frame type 0", Octets.frame(0, 0, []), 501),
        Broken("C21: a frame over frame-max, of which only the head has come", [1, 0, 1, 0, 0, 0x0F, 0xF9, 0], 501),
        Broken("C21: a frame of 4 GiB", [3, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0], 501),
        Broken("C16: a heartbeat with a payload", Octets.frame(8, 0, [1]), 501),
        Broken("C16: a heartbeat on channel 1", Octets.frame(8, 1, []), 501),
        Broken("C22: a header on channel 0", Octets.frame(2, 0, header), 504),
        Broken("C22: a body on channel 0", Octets.frame(3, 0, [1]), 504),
        Broken("C22: a delivery on channel 0", Octets.frame(1, 0, deliver), 504),
        Broken("C22: connection.close on channel 1", Octets.frame(1, 1, [0, 10, 0, 51]), 504),
        Broken("C25: a delivery in the middle of a content", content + Octets.frame(1, 1, deliver), 505),
        Broken("C25: an ack in the middle of a content", content + Octets.frame(1, 1, [0, 60, 0, 80]), 505),
        Broken("C25: a body without its header", Octets.frame(3, 1, [1]), 505),
        Broken("C25: a header without its method", Octets.frame(2, 1, header), 505),
        Broken("C24: a body longer than its header says", content + Octets.frame(3, 1, [1, 2, 3]), 505),
        Broken(
            "C24: a header of class 50",
            Octets.frame(1, 1, deliver) + Octets.frame(2, 1, [0, 50] + header[2...]),
            505
        ),
        Broken("C24: a header of 5 octets", Octets.frame(1, 1, deliver) + Octets.frame(2, 1, Array(header[..<5])), 501),
        Broken("C21: a method frame of 3 octets", Octets.frame(1, 1, [0, 60, 0]), 501),
        Broken(
            "C21: a delivery of its two numbers alone",
            Octets.frame(1, 1, [0, 60, 0, 60]) + Octets.frame(2, 1, header) + Octets.frame(3, 1, [1, 2]),
            501
        ),
        Broken(
            "C21: a delivery whose strings run over its end",
            Octets.frame(1, 1, [0, 60, 0, 60, 200, 1]) + Octets.frame(2, 1, header) + Octets.frame(3, 1, [1, 2]),
            501
        ),
    ]

    @Test(arguments: broken)
    func `C21 C22 C24 C25: what breaks the protocol ends the connection with the right code, however it is cut`(
        case broken: Broken
    ) throws {
        // A method first: what does not begin with one may be another protocol.
        let before =
            try Octets.method(ConnectionBlocked(reason: ""), on: 0)
            + Octets.content(
                BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "k"),
                [1, 2, 3],
                on: 2
            )
        let stream = before + broken.octets
        for cut in 0..<broken.octets.count {
            let parts = [Array(stream[..<(before.count + cut)]), Array(stream[(before.count + cut)...])]
            guard case .failure(let failure) = InboundProbe.read(parts, frameMax: Self.frameMax) else {
                Issue.record("taken, cut at \(cut)")
                continue
            }
            #expect(failure.code == broken.code, "cut at \(cut): \(failure.text)")
            #expect(!failure.isForeignProtocol)
        }
        guard case .failure = InboundProbe.read(stream.map { [$0] }, frameMax: Self.frameMax) else {
            Issue.record("taken octet by octet")
            return
        }
    }

    @Test func `C21: a content over the body limit is refused at its header`() {
        let octets = Octets.frame(1, 1, Self.deliver) + Octets.frame(2, 1, Self.header)
        guard case .failure(let failure) = InboundProbe.read([octets], frameMax: Self.frameMax, bodyLimit: 1) else {
            Issue.record("taken")
            return
        }
        #expect(failure.code == .frameError)
    }

    @Test func `C21: so is one that came whole, in one read with its body`() throws {
        let deliver = BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "k")
        for (bytes, isTaken) in [(100, true), (101, false)] {
            let octets = try Octets.content(deliver, [UInt8](repeating: 1, count: bytes), on: 1)
            let result = InboundProbe.read([octets], frameMax: Self.frameMax, bodyLimit: 100)
            #expect((try? result.get().contents.count == 1) ?? false == isTaken)
        }
    }

    @Test func `C42: frames of a channel not in use are dropped, whole or cut`() throws {
        let octets = try Octets.content(
            BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "k"),
            Array(repeating: 206, count: 50),
            on: 9
        )
        for cut in 0..<octets.count {
            let seen = try InboundProbe.read([Array(octets[..<cut]), Array(octets[cut...])], frameMax: Self.frameMax)
                .get()
            #expect(seen.contents.isEmpty)
        }
    }

    @Test func `C37: while a channel opens, contents are leftovers of the number's last life`() throws {
        let octets = Self.content + Octets.frame(3, 1, [1, 2])
        let seen = try InboundProbe.read([octets], frameMax: Self.frameMax, opening: [1]).get()
        #expect(seen.contents.isEmpty)
    }

    @Test(arguments: [[65, 77, 81, 80, 3, 1, 0, 0], [65, 77, 81, 80, 0, 1, 0, 0]] as [[UInt8]])
    func `C2: a foreign protocol header is told as such, however it is cut`(header: [UInt8]) {
        for cut in 0..<8 {
            let parts = [Array(header[..<cut]), Array(header[cut...])]
            guard case .failure(let failure) = InboundProbe.read(parts, frameMax: Self.frameMax) else {
                Issue.record("taken, cut at \(cut)")
                continue
            }
            #expect(failure.isForeignProtocol)
            let version = header[4...].map(String.init).joined(separator: ".")
            #expect(failure.text.contains(version), "cut at \(cut): \(failure.text)")
        }
    }

    /// What the peer speaks is decided by its first frame, whichever way that one took through the reader.
    @Test(arguments: [0x15, 0x41] as [UInt8])
    func `C2: after a first delivery, header or heartbeat no octet is another protocol's`(octet: UInt8) throws {
        let deliver = BasicDeliver(consumerTag: "c", deliveryTag: 1, exchange: "", routingKey: "k")
        let delivery = try Octets.content(deliver, [1], on: 1)
        for first in [delivery, Octets.frame(8, 0, []), Octets.frame(2, 9, Self.header)] {
            #expect((try? InboundProbe.read([first, [octet]], frameMax: Self.frameMax).get()) != nil)
            let whole = [octet] + [UInt8](repeating: 0, count: 7)
            guard case .failure(let failure) = InboundProbe.read([first, whole], frameMax: Self.frameMax) else {
                Issue.record("taken")
                continue
            }
            #expect(!failure.isForeignProtocol && failure.text.contains("unknown type \(octet)"), "\(failure.text)")
        }
    }
}
