import AMQPCore
import AMQPWire
import Testing

@Suite struct AckLineTests {
    private static func line(deliveries: UInt64) -> AckLine {
        let line = AckLine(number: 1)
        let records = (1...deliveries).map {
            ContentRecord(deliveryTag: $0, redelivered: false, method: 0..<0, header: 0..<0, body: 0..<0)
        }
        #expect(line.delivered(ContiguousArray(records)))
        return line
    }

    @Test func `C54: a channel that has ended settles nothing, whoever asks`() {
        let line = Self.line(deliveries: 5)
        line.end()
        #expect(!line.ack(1))
        #expect(line.ackAll(upTo: 2) == nil)
        #expect(line.ackAll(upTo: 0) == nil)
        #expect(!line.nack(3, requeue: true))
        #expect(!line.reject(4, requeue: false))
        line.setBatch(10)
        #expect(!line.ack(5))
        line.sendFrames(byOwner: true) { _ in
            Issue.record("sent after the end")
            return true
        }
        #expect(line.unsentAtEnd == 0)
    }

    @Test(arguments: [1, 2, 3, 10])
    func `C54: acks that were given in time and not sent are counted, framed or held back`(batch: Int) {
        let line = Self.line(deliveries: 5)
        line.setBatch(batch)
        for tag in [2, 3] as [UInt64] { #expect(line.ack(tag)) }
        line.end()
        line.end()
        #expect(line.unsentAtEnd == 2)
    }

    @Test func `C54: acks that the outbox no longer takes are counted, and so are those of a multiple`() {
        let line = Self.line(deliveries: 5)
        #expect(line.ack(2))
        #expect(line.ackAll(upTo: 4) == 3)
        line.sendFrames(byOwner: true) { _ in false }
        line.end()
        #expect(line.unsentAtEnd == 4)
    }

    @Test func `C54: what was sent is not counted as unsent`() {
        let line = Self.line(deliveries: 5)
        #expect(line.ack(1))
        var sends = 0
        for _ in 0..<2 {
            line.sendFrames(byOwner: true) { _ in
                sends += 1
                return true
            }
        }
        line.end()
        #expect(sends == 1)
        #expect(line.unsentAtEnd == 0)
    }
}
