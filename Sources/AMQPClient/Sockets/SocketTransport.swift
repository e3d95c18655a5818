import AMQPCore
import CAMQPSystem
import Glibc
import NIOCore

/// The socket of a connection without TLS, and who waits for it: a thread of the connection's own, or an idle thread in
/// the ``ReadingSeat``.
///
/// The octets themselves may be written from any thread; reads need an order, which the driver's lock gives them.
// @unchecked Sendable: the descriptors are our own, made in init and closed in deinit alone, so that a late writer can
// never meet a number that the system has given to another file.
package final class SocketTransport: OutboundTransport, @unchecked Sendable {
    private struct State {
        var isSeated = false
        var isPaused = false
        var hasEnded = false
        var watch = SeatWatch()
        /// What the socket did not take, and whose it is.
        var unwritten: (bytes: ByteBuffer, outbox: Outbox)?

        var interest: UInt32 {
            UInt32(self.isPaused || !self.watch.isOn ? 0 : AMQP_READABLE)
                | UInt32(self.unwritten == nil ? 0 : AMQP_WRITABLE)
        }
    }
    private let descriptor: Int32
    private let epoll: Int32
    private let threadBell: Int32
    private let seatBell: Int32
    private let state = Monitor(State())
    #if DEBUG
        /// In a simulation; then there is no descriptor.
        private let simulated: (any SimulatedSocket)?
    #endif

    /// - Parameter original: A connected socket that does not block; it is duplicated.
    /// - Throws: The system's words.
    package init(duplicating original: Int32) throws(AMQPError) {
        #if DEBUG
            self.simulated = nil
        #endif
        self.descriptor = fcntl(original, F_DUPFD_CLOEXEC, 0)
        self.epoll = amqp_make_epoll()
        self.threadBell = amqp_make_bell()
        self.seatBell = amqp_make_bell()
        guard self.descriptor >= 0, self.epoll >= 0, self.threadBell >= 0, self.seatBell >= 0,
            amqp_add_interest(self.epoll, self.threadBell, UInt32(AMQP_READABLE)) == 0,
            amqp_add_interest(self.epoll, self.descriptor, UInt32(AMQP_READABLE)) == 0
        else {
            let reason = String(cString: strerror(errno))
            throw AMQPError(.connectionLost, scope: .connection, text: "no descriptor for the connection: \(reason)")
        }
    }

    #if DEBUG
        package init(_ simulated: any SimulatedSocket) {
            self.simulated = simulated
            (self.descriptor, self.epoll, self.threadBell, self.seatBell) = (-1, -1, -1, -1)
        }
    #endif

    deinit {
        for descriptor in [self.descriptor, self.epoll, self.threadBell, self.seatBell] where descriptor >= 0 {
            close(descriptor)
        }
    }

    /// Has the connection's thread wait for what the state asks for.
    private func update(_ body: (inout State) -> Void) {
        self.state.withLock { state in
            let before = state.interest
            body(&state)
            guard state.interest != before else { return }
            #if DEBUG
                if let simulated { return simulated.setInterest(state.interest) }
            #endif
            _ = amqp_set_interest(self.epoll, self.descriptor, state.interest)
        }
    }

    // MARK: Writing

    package func writeNow(_ bytes: UnsafeRawBufferPointer) -> DirectWrite {
        #if DEBUG
            if let simulated { return simulated.write(bytes) }
        #endif
        while true {
            let count = send(
                self.descriptor,
                bytes.baseAddress,
                bytes.count,
                Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
            )
            if count >= 0 { return .wrote(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN, EWOULDBLOCK, ENOBUFS: return .unavailable
            default: return .broken
            }
        }
    }

    package func writeLater(_ bytes: UnsafeRawBufferPointer, for outbox: Outbox) {
        var buffer = ByteBufferAllocator().buffer(capacity: bytes.count)
        buffer.writeBytes(bytes)
        var isTooLate = false
        self.update { state in
            isTooLate = state.hasEnded
            if !isTooLate { state.unwritten = (buffer, outbox) }
        }
        if isTooLate { outbox.writeFinished() }
    }

    /// Writes more of what the socket did not take.
    ///
    /// On the connection's thread.
    package func writeMore() {
        guard let (bytes, outbox) = self.state.withLock({ $0.unwritten }) else { return }
        switch bytes.withUnsafeReadableBytes({ self.writeNow($0) }) {
        case .wrote(let count) where count < bytes.readableBytes:
            self.update { $0.unwritten?.bytes.moveReaderIndex(forwardBy: count) }
        case .unavailable: break
        case .wrote, .broken:
            self.update { $0.unwritten = nil }
            outbox.writeFinished()
        }
    }

    // MARK: Reading

    /// Reads once, under the driver's lock.
    package func read(with reader: inout SocketReader) -> SocketReader.Outcome {
        #if DEBUG
            if let simulated { return SocketReader.Outcome(simulated.read()) }
        #endif
        return reader.read(self.descriptor)
    }

    /// Whether anybody waits for octets; those that come meanwhile stay in the socket.
    package func setReading(_ isReading: Bool) { self.update { $0.isPaused = !isReading } }

    // MARK: The connection's thread

    /// What the socket is ready for, as bits; 0 after the milliseconds, or a ring.
    package func wait(_ milliseconds: Int32) -> UInt32 {
        #if DEBUG
            if let simulated { return simulated.waitOnThread(milliseconds: milliseconds) }
        #endif
        let ready = amqp_wait_epoll(self.epoll, self.descriptor, milliseconds)
        if ready == 0 { amqp_silence(self.threadBell) }
        return ready
    }

    package func ringThread() {
        #if DEBUG
            if let simulated { return simulated.ringThread() }
        #endif
        amqp_ring(self.threadBell)
    }

    /// The last step: nobody reads or writes any more.
    package func end() {
        #if DEBUG
            self.simulated?.shutDown()
        #endif
        _ = shutdown(self.descriptor, Int32(SHUT_RDWR))
        var last: Outbox?
        self.update { state in
            state.hasEnded = true
            last = state.unwritten?.outbox
            state.unwritten = nil
        }
        last?.writeFinished()
    }

    // MARK: The seat

    package func takeSeat() -> Bool {
        var isOurs = false
        var hasToLook = false
        self.update { state in
            isOurs = !state.isSeated && !state.isPaused && !state.hasEnded
            guard isOurs else { return }
            state.isSeated = true
            hasToLook = state.watch.taken(now: MonotonicClock.now())
        }
        if hasToLook { self.ringThread() }
        return isOurs
    }

    package func leaveSeat() {
        self.update { state in
            state.isSeated = false
            state.watch.left(now: MonotonicClock.now())
        }
    }

    /// Sees to it that octets are not left to nobody.
    ///
    /// On the connection's thread.
    ///
    /// - Returns: When to look again; nil is not until it rings.
    package func lookAtSeat(now: UInt64) -> UInt64? {
        var nextLook: UInt64?
        self.update { state in
            state.watch.look(now: now)
            nextLook = state.watch.nextLook
        }
        return nextLook
    }

    package func waitInSeat(until deadline: UInt64?) -> SeatWait {
        var left = UInt64.max
        if let deadline {
            let now = MonotonicClock.now()
            if now >= deadline { return .deadline }
            left = deadline - now
        }
        let arrival = self.waitForSocket(left)
        return arrival & UInt32(AMQP_SOCKET) != 0 ? .readable : .rung
    }

    private func waitForSocket(_ nanoseconds: UInt64) -> UInt32 {
        #if DEBUG
            if let simulated { return simulated.waitInSeat(nanoseconds: nanoseconds) }
        #endif
        let arrival = amqp_wait_socket(self.descriptor, self.seatBell, nanoseconds)
        if arrival & UInt32(AMQP_BELL) != 0 { amqp_silence(self.seatBell) }
        return arrival
    }

    package func ringSeat() {
        #if DEBUG
            if let simulated { return simulated.ringSeat() }
        #endif
        amqp_ring(self.seatBell)
    }
}
