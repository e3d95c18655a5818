import AMQPClient
import AMQPWire
import Testing

@Suite struct InboundReaderTests {
    private static let bodies: [[UInt8]] = [[], [1], Array(repeating: 2, count: 64), Array(repeating: 3, count: 4088)]
    private static let large = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }

    /// Two channels with bodies of every kind, heartbeats and methods in between, frames of the channels mixed.
    private static func stream() throws -> FrameStream {
        var stream = FrameStream()
        for (index, body) in self.bodies.enumerated() {
            try stream.deliver(UInt64(index + 1), body, channel: 1)
            try stream.heartbeat()
            try stream.method(BasicAck(deliveryTag: 9, multiple: false), channel: 2)
        }
        let first = try FrameStream.frames(5, self.large, channel: 1)
        let second = try FrameStream.frames(1, self.large, channel: 2)
        for (one, other) in zip(first, second) { stream.raw(one + other) }
        try stream.deliver(2, [7], channel: 2)
        try stream.deliver(99, [7], channel: 9)  // C42: a channel that is not in use
        return stream
    }

    private func check(_ delegate: RecordingDelegate) throws {
        let one = try delegate.deliveries(1)
        #expect(one.map(\.tag) == [1, 2, 3, 4, 5])
        #expect(one.map(\.body) == Self.bodies + [Self.large])
        let other = try delegate.deliveries(2)
        #expect(other.map(\.tag) == [1, 2])
        #expect(other.map(\.body) == [Self.large, [7]])
        #expect(delegate.methods == Array(repeating: .basicAck, count: 4))
    }

    @Test func `C21 C23 C25: read whole`() throws {
        let delegate = RecordingDelegate()
        let reader = InboundReader(frameMax: FrameStream.frameMax, bodyLimit: 1 << 20)
        try reader.read(.copy(of: try Self.stream().octets), delegate: delegate)
        try self.check(delegate)
    }

    @Test(arguments: [1, 2, 3, 7, 8, 64, 1000, 4096])
    func `C21: read in pieces of any size`(size: Int) throws {
        let delegate = RecordingDelegate()
        let reader = InboundReader(frameMax: FrameStream.frameMax, bodyLimit: 1 << 20)
        let octets = try Self.stream().octets
        for start in stride(from: 0, to: octets.count, by: size) {
            try reader.read(.copy(of: octets[start..<min(start + size, octets.count)]), delegate: delegate)
        }
        try self.check(delegate)
    }

    @Test func `C21: split at every point`() throws {
        var stream = FrameStream()
        try stream.deliver(1, [], channel: 1)
        try stream.deliver(2, [5, 6, 7], channel: 1)
        try stream.method(BasicAck(deliveryTag: 9, multiple: true), channel: 2)
        try stream.deliver(3, Array(repeating: 8, count: 40), channel: 1)
        for split in 0...stream.octets.count {
            let delegate = RecordingDelegate()
            let reader = InboundReader(frameMax: FrameStream.frameMax, bodyLimit: 1 << 20)
            try reader.read(.copy(of: stream.octets[..<split]), delegate: delegate)
            try reader.read(.copy(of: stream.octets[split...]), delegate: delegate)
            #expect(try delegate.deliveries(1).map(\.body.count) == [0, 3, 40], "split at \(split)")
            #expect(delegate.methods == [.basicAck])
        }
    }

    private func failure(_ octets: [UInt8], pieces: Int = .max) -> InboundFailure? {
        let delegate = RecordingDelegate()
        let reader = InboundReader(frameMax: FrameStream.frameMax, bodyLimit: 10_000)
        do throws(InboundFailure) {
            for start in stride(from: 0, to: octets.count, by: min(pieces, max(octets.count, 1))) {
                try reader.read(
                    .copy(of: octets[start..<min(octets.count, start &+ min(pieces, octets.count))]),
                    delegate: delegate
                )
            }
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [1, 3, Int.max])
    func `C2: another protocol's header is told as such`(pieces: Int) {
        let failure = self.failure(Array("AMQP".utf8) + [3, 1, 0, 0], pieces: pieces)
        #expect(failure?.isForeignProtocol == true)
        #expect(failure?.text.contains("3.1.0.0") == true)
    }

    @Test(arguments: [1, Int.max])
    func `C21: a bad end octet, an unknown type, a frame over the limit`(pieces: Int) throws {
        var stream = FrameStream()
        try stream.method(BasicAck(deliveryTag: 1, multiple: false), channel: 1)
        var bad = stream.octets
        bad[bad.count - 1] = 0
        #expect(self.failure(bad, pieces: pieces)?.code == .frameError)
        #expect(self.failure(stream.octets + [4, 0, 1, 0, 0, 0, 0, 206], pieces: pieces)?.code == .frameError)
        #expect(self.failure(stream.octets + [1, 0, 1, 0, 0, 0x10, 0, 0], pieces: pieces)?.code == .frameError)
        #expect(
            self.failure(stream.octets + [3, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0], pieces: pieces)?.code == .frameError
        )
    }

    @Test func `C16 C22: heartbeats on channels, contents and foreign classes on channel 0`() throws {
        #expect(self.failure([8, 0, 1, 0, 0, 0, 0, 206])?.code == .frameError)
        #expect(self.failure([8, 0, 0, 0, 0, 0, 1, 0, 206])?.code == .frameError)
        #expect(self.failure([3, 0, 0, 0, 0, 0, 1, 0, 206])?.code == .channelError)
        var stream = FrameStream()
        try stream.method(BasicAck(deliveryTag: 1, multiple: false), channel: 0)
        #expect(self.failure(stream.octets)?.code == .channelError)
        stream = FrameStream()
        try stream.method(ConnectionUnblocked(), channel: 1)
        #expect(self.failure(stream.octets)?.code == .channelError)
    }

    @Test func `C24 C25: contents in a wrong order, too long, or too large`() throws {
        let frames = try FrameStream.frames(1, [1, 2, 3], channel: 1)
        var ack = FrameStream()
        try ack.method(BasicAck(deliveryTag: 1, multiple: false), channel: 1)
        #expect(self.failure(frames[0] + ack.octets)?.code == .unexpectedFrame)
        #expect(self.failure(frames[1])?.code == .unexpectedFrame)
        #expect(self.failure(frames[2])?.code == .unexpectedFrame)
        let longer: [UInt8] = [3, 0, 1, 0, 0, 0, 4, 1, 2, 3, 4, 206]
        #expect(self.failure(frames[0] + frames[1] + longer)?.code == .unexpectedFrame)
        let huge = try FrameStream.frames(1, Array(repeating: 0, count: 10_001), channel: 1)
        #expect(self.failure(huge[0] + huge[1])?.code == .frameError)
    }

    @Test func `C25: an empty body frame inside a content is legal`() throws {
        let frames = try FrameStream.frames(1, [1, 2, 3], channel: 1)
        let delegate = RecordingDelegate()
        let reader = InboundReader(frameMax: FrameStream.frameMax, bodyLimit: 100)
        try reader.read(.copy(of: frames[0] + frames[1] + [3, 0, 1, 0, 0, 0, 0, 206] + frames[2]), delegate: delegate)
        #expect(try delegate.deliveries(1).map(\.body) == [[1, 2, 3]])
    }

    @Test func `random octets end in a failure or in nothing, never in a crash`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var octets = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in UInt8.random(in: 0...255) }
            if octets.count > 8 { octets.replaceSubrange(0..<7, with: [UInt8.random(in: 1...3), 0, 1, 0, 0, 0, 20]) }
            _ = self.failure(octets)
            _ = self.failure(octets, pieces: 1)
        }
    }
}
