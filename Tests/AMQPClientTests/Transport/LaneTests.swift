import AMQPClient
import Testing

@Suite struct LaneTests {
    @Test func `a mailbox over its limit is told to the reader, and taking it empties it`() throws {
        let delegate = RecordingDelegate(channels: 1)
        let reader = InboundReader(frameMax: 131_072, bodyLimit: 1 << 20)
        var stream = FrameStream()
        for tag in 1...200 { try stream.deliver(UInt64(tag), Array(repeating: 1, count: 4000), channel: 1) }
        var reads = 0
        while reader.overfull.isEmpty, reads < 1000 {
            try reader.read(.copy(of: stream.octets), delegate: delegate)
            reads += 1
        }
        // 64 MiB of bodies, 800,000 octets a read.
        #expect(reads == 84)
        #expect(reader.overfull.count == 1)
        #expect(try delegate.deliveries(1).count == reads * 200)
        reader.overfull.removeAll()
        try reader.read(.copy(of: stream.octets), delegate: delegate)
        #expect(reader.overfull.isEmpty)
    }
}
