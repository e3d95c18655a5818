import AMQPCore
import Testing

@Suite struct LaneTests {
    @Test func `what waits for an owner whom no prefetch bounds is told to the reader until it is looked at`() throws {
        let delegate = RecordingDelegate(channels: 1)
        delegate.mailboxes[0].boundDeliveries()
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
        #expect(reader.overfull.count == 1)  // taken out, not looked at
        #expect(try delegate.deliveries(1).count == 200)
        reader.overfull.removeAll()
        try reader.read(.copy(of: stream.octets), delegate: delegate)
        #expect(reader.overfull.isEmpty)
    }

    @Test func `an owner whom prefetch bounds never holds up the reader`() throws {
        let delegate = RecordingDelegate(channels: 1)
        delegate.mailboxes[0].allowDeliveries(1000)
        let reader = InboundReader(frameMax: 131_072, bodyLimit: 1 << 20)
        var stream = FrameStream()
        for tag in 1...100 { try stream.deliver(UInt64(tag), Array(repeating: 1, count: 100_000), channel: 1) }
        for _ in 0..<10 { try reader.read(.copy(of: stream.octets), delegate: delegate) }
        #expect(reader.overfull.isEmpty && reader.flooded.isEmpty)
        #expect(try delegate.deliveries(1).count == 1000)
    }

    @Test func `events count, whoever is sent them`() {
        let mailbox = Mailbox()
        mailbox.attach(1)
        let lane = Lane(number: 1, incarnation: 1, mailbox: mailbox)
        for _ in 0..<1_100_000 { lane.append(.confirm(tag: 1, multiple: false, positive: true)) }
        #expect(lane.handOver().unboundedBytes > 64 << 20)
        var inbox = Inbox()
        #expect(mailbox.take(into: &inbox, until: 0))
        #expect(mailbox.unboundedBytes == 0)
    }
}
