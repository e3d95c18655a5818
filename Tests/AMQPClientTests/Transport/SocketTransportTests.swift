import AMQPClient
import AMQPWire
import CAMQPSystem
import Glibc
import TestSupport
import Testing

/// Who waits for a connection's socket.
@Suite struct SocketTransportTests {
    private let pair: SocketPair
    private let transport: SocketTransport
    private let readable = UInt32(AMQP_READABLE)

    init() throws {
        self.pair = try SocketPair()
        self.transport = try SocketTransport(duplicating: self.pair.ours)
    }

    private func soon() -> UInt64? { MonotonicClock.deadline(in: .milliseconds(1)) }

    private func readOnce() -> SocketReader.Outcome {
        var reader = SocketReader()
        return self.transport.read(with: &reader)
    }

    @Test func `the connection's thread waits for octets, but not while somebody sits in the seat`() {
        self.pair.send([1])
        #expect(self.transport.wait(0) == self.readable)
        #expect(self.transport.takeSeat())
        #expect(self.transport.wait(0) == 0)
        #expect(self.transport.waitInSeat(until: self.soon()) == .readable)
        self.transport.leaveSeat()
        #expect(self.transport.wait(0) == self.readable)
    }

    @Test func `after 100 short vacancies in a row it looks instead, and is not late for a long one`() {
        let now = MonotonicClock.now()
        // On a busy machine one or the other is long.
        while self.transport.lookAtSeat(now: now) == nil {
            if self.transport.takeSeat() { self.transport.leaveSeat() }
        }
        #expect(self.transport.wait(-1) == 0)  // rung, so that it learns of it
        #expect(self.transport.takeSeat())
        let nextLook = self.transport.lookAtSeat(now: now)
        self.transport.leaveSeat()
        self.pair.send([1])
        if nextLook != nil { #expect(self.transport.wait(0) == 0) }
        let later = MonotonicClock.now() + SeatWatch.lookInterval
        #expect(self.transport.lookAtSeat(now: later) == nil)
        #expect(self.transport.wait(0) == self.readable)
    }

    @Test func `the seat is for one`() {
        #expect(self.transport.takeSeat())
        #expect(!self.transport.takeSeat())
        self.transport.leaveSeat()
        #expect(self.transport.takeSeat())
    }

    @Test func `whoever sits there hears a ring once, and its deadline`() {
        #expect(self.transport.takeSeat())
        self.transport.ringSeat()
        self.transport.ringSeat()
        #expect(self.transport.waitInSeat(until: nil) == .rung)
        #expect(self.transport.waitInSeat(until: 0) == .deadline)
        let deadline = self.soon()
        while self.transport.waitInSeat(until: deadline) != .deadline {}
    }

    @Test func `while reading is paused nobody waits for octets, and they stay`() {
        self.transport.setReading(false)
        self.pair.send([1])
        #expect(self.transport.wait(0) == 0)
        #expect(!self.transport.takeSeat())
        self.transport.setReading(true)
        #expect(self.transport.wait(0) == self.readable)
        #expect(self.transport.takeSeat())
    }

    @Test func `the connection's thread learns of a hang-up whoever reads`() throws {
        #expect(self.transport.takeSeat())
        shutdown(self.pair.theirs, Int32(SHUT_RDWR))
        #expect(self.transport.wait(0) & UInt32(AMQP_HUNG_UP) != 0)
        #expect(self.transport.waitInSeat(until: self.soon()) == .readable)
        guard case .endOfFile = self.readOnce() else {
            Issue.record("no end of the stream")
            return
        }
    }

    @Test func `a ring ends the wait of the connection's thread once`() {
        self.transport.ringThread()
        #expect(self.transport.wait(-1) == 0)
        #expect(self.transport.wait(0) == 0)
    }

    @Test func `what the socket does not take is written as it has room`() throws {
        let sent = [UInt8](unsafeUninitializedCapacity: 1 << 20) { memory, count in
            for index in memory.indices { memory[index] = UInt8(truncatingIfNeeded: index &* 7) }
            count = memory.count
        }
        let outbox = Outbox(transport: self.transport, highWater: 1 << 20)
        outbox.appendControl { $0.append(contentsOf: sent) }
        outbox.flush()
        var received: [UInt8] = []
        while received.count < sent.count {
            received += self.pair.receive(1 << 16)
            if self.transport.wait(0) & UInt32(AMQP_WRITABLE) != 0 { self.transport.writeMore() }
        }
        #expect(received == sent)
        // All is written: who waits is not woken for room any more, and direct writes are possible again.
        #expect(self.transport.wait(0) == 0)
        outbox.appendControl { $0.append(contentsOf: [1, 2]) }
        outbox.flush()
        #expect(self.pair.receive(8) == [1, 2])
    }

    @Test func `after the end nobody sits down, and the peer sees it`() {
        self.transport.end()
        #expect(!self.transport.takeSeat())
        #expect(self.pair.receive(1).isEmpty)
    }
}
