@testable import AMQPWire
import Testing

/// Frames out of octets, for either side of a wire, wherever reads cut them.
@Suite struct FrameSplitterTests {
    /// A frame as it comes out, whichever way it was told.
    private struct Whole: Equatable {
        let type: UInt8
        let channel: UInt16
        let payload: [UInt8]
    }

    private static func frame(_ type: UInt8, _ channel: UInt16, _ payload: [UInt8], end: UInt8 = Frame.end) -> [UInt8] {
        let size = UInt32(payload.count)
        let head: [UInt8] =
            [type, UInt8(channel >> 8), UInt8(channel & 255)] + (0..<4).map { UInt8(size >> (24 - 8 * $0) & 255) }
        return head + payload + [end]
    }

    /// Gives it reads; body parts are put together until their frame is over.
    private struct Reader {
        var splitter: FrameSplitter
        var header: [UInt8]?
        var frames: [Whole] = []
        private var part: (channel: UInt16, octets: [UInt8])?

        init(_ splitter: FrameSplitter) { self.splitter = splitter }

        mutating func read(_ octets: [UInt8]) throws(FrameFault) {
            var position = 0
            while let piece = try octets.withBytes({ (bytes) throws(FrameFault) in
                try self.splitter.next(in: bytes, at: &position)
            }) {
                switch piece {
                case .protocolHeader(let header): self.header = header
                case .frame(let type, let channel, let payload): self.add(type, channel, Array(octets[payload]))
                case .assembled(Frame.body, let channel, let frame): self.add(frame[7..<frame.count - 1], channel)
                case .assembled(let type, let channel, let frame):
                    self.add(type, channel, Array(frame[7..<frame.count - 1]))
                case .body(let channel, let part): self.add(octets[part], channel)
                }
                if !self.splitter.isMidFrame { self.endPart() }
            }
            #expect(position == octets.count)
            if !self.splitter.isMidFrame { self.endPart() }
        }

        private mutating func add(_ part: ArraySlice<UInt8>, _ channel: UInt16) {
            if self.part?.channel != channel { self.endPart() }
            self.part = (channel, (self.part?.octets ?? []) + part)
        }

        private mutating func add(_ type: UInt8, _ channel: UInt16, _ payload: [UInt8]) {
            self.endPart()
            self.frames.append(Whole(type: type, channel: channel, payload: payload))
        }

        private mutating func endPart() {
            guard let part = self.part else { return }
            self.part = nil
            self.frames.append(Whole(type: Frame.body, channel: part.channel, payload: part.octets))
        }
    }

    private static let wholes = [
        Whole(type: Frame.method, channel: 0, payload: [0, 10, 0, 10]),
        Whole(type: Frame.heartbeat, channel: 0, payload: []),
        Whole(type: Frame.header, channel: 258, payload: Array(repeating: 7, count: 14)),
        Whole(type: Frame.body, channel: 258, payload: [1, 2, 3, 0xCE, 5]),
        Whole(type: Frame.body, channel: 1, payload: []),
        Whole(type: Frame.body, channel: 65_535, payload: [9]),
        Whole(type: Frame.method, channel: 3, payload: [0, 60, 0, 80]),
    ]

    @Test(arguments: [FrameSplitter.Peer.server, .client])
    func `wherever two cuts are, the same frames come out`(peer: FrameSplitter.Peer) throws {
        let stream =
            (peer == .client ? Frame.protocolHeader : [])
            + Self.wholes.flatMap { Self.frame($0.type, $0.channel, $0.payload) }
        for first in 0...stream.count {
            for second in first...stream.count {
                var reader = Reader(FrameSplitter(from: peer, frameMax: 4096))
                try reader.read(Array(stream[..<first]))
                try reader.read(Array(stream[first..<second]))
                try reader.read(Array(stream[second...]))
                #expect(reader.frames == Self.wholes, "cut at \(first) and \(second)")
                #expect(reader.header == (peer == .client ? Frame.protocolHeader : nil))
                #expect(!reader.splitter.isMidFrame)
            }
        }
    }

    @Test func `one octet at a time, the same frames come out`() throws {
        var reader = Reader(FrameSplitter(from: .server, frameMax: 4096))
        for octet in Self.wholes.flatMap({ Self.frame($0.type, $0.channel, $0.payload) }) { try reader.read([octet]) }
        #expect(reader.frames == Self.wholes)
    }

    @Test func `a body that a read has cut is told where it lies, and kept nowhere`() throws {
        var splitter = FrameSplitter(from: .server, frameMax: 4096)
        let frame = Self.frame(Frame.body, 2, Array(repeating: 1, count: 100))
        func next(_ octets: ArraySlice<UInt8>, _ position: inout Int) throws -> FrameSplitter.Piece? {
            try octets.withUnsafeBytes { bytes in try splitter.next(in: bytes, at: &position) }
        }
        var position = 0
        #expect(try next(frame[..<50], &position) == .body(channel: 2, part: 7..<50))
        #expect(try next(frame[..<50], &position) == nil)
        position = 0
        #expect(try next(frame[50...], &position) == .body(channel: 2, part: 0..<57))
        #expect(!splitter.isMidFrame && position == 58)
        #expect(try next(frame[50...], &position) == nil)
    }

    /// Octets of bodies that are told of one read.
    private static func told(_ octets: [UInt8], _ splitter: inout FrameSplitter) throws(FrameFault) -> Int {
        var (told, position) = (0, 0)
        while let piece = try octets.withBytes({ (bytes) throws(FrameFault) in
            try splitter.next(in: bytes, at: &position)
        }) {
            switch piece {
            case .body(_, let part): told += part.count
            case .frame(_, _, let payload): told += payload.count
            case .assembled(_, _, let frame): told += frame.count - Frame.overhead
            case .protocolHeader: Issue.record("a protocol header")
            }
        }
        return told
    }

    @Test(arguments: 1...3)
    func `C21: the last octet of a body is told when the end of its frame has come, and not before`(size: Int) throws {
        let frame = Self.frame(Frame.body, 2, Array(repeating: 1, count: size))
        for cut in 7..<frame.count {
            var splitter = FrameSplitter(from: .server, frameMax: 4096)
            let first = try Self.told(Array(frame[..<cut]), &splitter)
            #expect(first < size, "cut at \(cut)")
            var other = splitter
            #expect(try first + Self.told(Array(frame[cut...]), &splitter) == size, "cut at \(cut)")
            let wrong = Array(frame[cut...].dropLast()) + [0]
            #expect(throws: FrameFault.badEnd(0)) { try Self.told(wrong, &other) }
        }
    }

    // MARK: What is no frame

    private static func fault(_ octets: [UInt8], from peer: FrameSplitter.Peer = .server, cutAt cut: Int? = nil)
        -> FrameFault?
    {
        var reader = Reader(FrameSplitter(from: peer, frameMax: 100, headerLimit: 500))
        do throws(FrameFault) {
            try reader.read(Array(octets[..<(cut ?? 0)]))
            try reader.read(Array(octets[(cut ?? 0)...]))
            return nil
        } catch {
            return error
        }
    }

    private static let faults: [(octets: [UInt8], fault: FrameFault)] = [
        (Self.frame(Frame.method, 0, [1], end: 7), .badEnd(7)),
        (Self.frame(Frame.body, 1, [1, 2], end: 0), .badEnd(0)),
        (Self.frame(4, 0, [1]), .unknownType(4, isFirst: true)),
        (Self.frame(Frame.heartbeat, 0, []) + Self.frame(4, 0, [1]), .unknownType(4, isFirst: false)),
        (
            Self.frame(Frame.method, 0, Array(repeating: 0, count: 93)),
            .tooLarge(octets: 101, limit: 100, isFirst: true)
        ),
        (
            Self.frame(Frame.heartbeat, 0, []) + Self.frame(Frame.header, 1, Array(repeating: 0, count: 501)),
            .tooLarge(octets: 509, limit: 508, isFirst: false)
        ),
        ([0x41, 0x4D, 0x51, 0x50, 0, 1, 0, 0], .foreign([0x41, 0x4D, 0x51, 0x50, 0, 1, 0, 0])),
        ([0x15, 3, 1, 0, 2, 2, 70], .tls),
    ]

    @Test(arguments: Self.faults.indices)
    func `what is no frame is named, wherever it is cut`(place: Int) {
        let (octets, fault) = Self.faults[place]
        for cut in 0..<octets.count { #expect(Self.fault(octets, cutAt: cut) == fault, "cut at \(cut)") }
    }

    @Test func `a client begins with a protocol header, and with nothing else`() {
        #expect(Self.fault(Array("GET / HTTP/1.1".utf8), from: .client) == .foreign(Array("GET / HT".utf8)))
        #expect(Self.fault([0x16, 3, 1, 2, 0, 1, 0, 1], from: .client) == .tls)
        #expect(Self.fault(Self.frame(Frame.heartbeat, 0, []), from: .client) == .foreign([8, 0, 0, 0, 0, 0, 0, 0xCE]))
        // Another version: who serves answers with the one that it speaks (AMQP 0-9-1 §4.2.2).
        #expect(Self.fault([0x41, 0x4D, 0x51, 0x50, 0, 1, 0, 0], from: .client) == nil)
    }

    @Test func `a content header may have more than frame-max, up to its own limit`() {
        let first = Self.frame(Frame.heartbeat, 0, [])
        #expect(Self.fault(first + Self.frame(Frame.header, 1, Array(repeating: 0, count: 500))) == nil)
        #expect(Self.fault(first + Self.frame(Frame.body, 1, Array(repeating: 0, count: 93))) != nil)
    }
}
