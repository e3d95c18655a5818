import AMQPCore
import AMQPWire
import CAMQPSystem
import NIOCore
import Synchronization

/// Between a socket without TLS and the core: a thread of the connection's own, and any idle thread in the seat.
///
/// Whoever reads does so with the core's lock held, so that octets are taken in the order in which they came. The
/// connection's thread keeps the time; it waits for the socket too, unless somebody sits in the seat or is expected back there
/// in a moment (``SeatWatch``).
final class SocketDriver: ConnectionDriver, ConnectionHost {
    private struct State {
        var core: ConnectionCore?
        var reader = SocketReader()
    }
    private let transport: SocketTransport
    private let outbox: Outbox
    private let report: ConnectionReport
    private let state = Monitor(State(), level: .outermost)
    /// When the socket goes: known once the connection has ended.
    private let closesAt = Atomic<UInt64>(.max)

    private static let tickInterval: UInt64 = 100_000_000
    /// Reads in a row: then others may have the core.
    private static let readLimit = 4

    private init(_ transport: SocketTransport, _ outbox: Outbox, _ report: ConnectionReport) {
        self.transport = transport
        self.outbox = outbox
        self.report = report
    }

    /// Starts a thread that lives as long as the connection, and the handshake, which is due by `deadline`.
    ///
    /// - Throws: `.connectionLost` if the system has no thread.
    static func start(
        _ transport: SocketTransport,
        endpoint: Endpoint,
        options: ConnectionOptions,
        dueBy deadline: UInt64,
        report: ConnectionReport
    ) throws(AMQPError) -> SocketDriver {
        let outbox = Outbox(transport: transport, highWater: options.outboxHighWater)
        let driver = SocketDriver(transport, outbox, report)
        driver.state.withLock { state in
            state.core = ConnectionCore(
                settings: options.handshake(endpoint),
                options: options,
                outbox: outbox,
                host: driver,
                now: MonotonicClock.now()
            )
        }
        do throws(ThreadError) {
            try WorkerThread.start(name: "amqp-socket") { driver.run(openDueBy: deadline) }.detach()
        } catch {
            throw AMQPError(.connectionLost, scope: .connection, text: "\(error)")
        }
        return driver
    }

    // MARK: The connection's thread

    private func run(openDueBy deadline: UInt64) {
        self.withCore { $0.start(dueBy: deadline) }
        var stalls = StallWatch(interval: Self.tickInterval, now: MonotonicClock.now())
        var nextTick = MonotonicClock.now() &+ Self.tickInterval
        while true {
            let now = MonotonicClock.now()
            let closesAt = self.closesAt.load(ordering: .acquiring)
            if now >= closesAt { break }
            if now >= nextTick {
                let stall = stalls.tick(now: now)
                // What the peer sent meanwhile waits in the socket, and comes before any judgement of its silence.
                if stall > 0 { self.read(evenPaused: false) }
                self.withCore { $0.tick(now: now, afterStallOf: stall) }
                nextTick = now &+ Self.tickInterval
                continue
            }
            let nextLook = self.transport.lookAtSeat(now: now) ?? .max
            let left = (min(nextTick, closesAt, nextLook) - now + 999_999) / 1_000_000
            let ready = self.transport.wait(Int32(left))
            if ready & UInt32(AMQP_WRITABLE) != 0 { self.transport.writeMore() }
            let hasHungUp = ready & UInt32(AMQP_HUNG_UP) != 0
            if ready & UInt32(AMQP_READABLE) != 0 { self.read(evenPaused: hasHungUp) }
            if hasHungUp, self.closesAt.load(ordering: .acquiring) != .max { break }
        }
        self.transport.end()
        self.report.socketClosed()
    }

    private func withCore(_ body: (ConnectionCore) -> Void) {
        self.state.withLock { state in
            if let core = state.core { body(core) }
        }
    }

    // MARK: ConnectionDriver

    var seat: (any ReadingSeat)? { self }

    func close(code: ReplyCode, text: String, timeout: Duration) {
        self.withCore { $0.close(code: code, text: text, timeout: timeout, now: MonotonicClock.now()) }
    }

    func updateSecret(_ update: ConnectionUpdateSecret, _ promise: EventLoopPromise<Void>) {
        self.report.eventLoop.execute {
            self.withCore { core in
                guard core.isOpen else {
                    return promise.fail(self.outbox.end ?? .ended(.connection, "closed by its owner"))
                }
                self.report.willUpdateSecret(promise)
                core.send(update)
            }
        }
    }

    // MARK: ConnectionHost, with the core's lock held

    func connectionOpened(_ serverProperties: FieldTable) {
        self.report.connectionOpened(OpenedConnection(outbox: self.outbox, serverProperties: serverProperties))
    }

    func setReading(_ isReading: Bool) { self.transport.setReading(isReading) }

    func connectionBlocked(reason: String) { self.report.connectionBlocked(reason: reason) }

    func connectionUnblocked() { self.report.connectionUnblocked() }

    func frameDropped(channel: UInt16) { self.report.frameDropped(channel: channel) }

    func secretUpdated() { self.report.secretUpdated() }

    func connectionEnded(_ error: AMQPError, isWriting: Bool) {
        // Another thread may have the last words in hand; it never waits for the socket, so this is ample.
        let patience = isWriting ? Self.tickInterval : 0
        self.closesAt.store(MonotonicClock.now() &+ patience, ordering: .releasing)
        self.transport.setReading(false)
        self.transport.ringThread()
        self.report.connectionEnded(error)
    }
}

extension SocketDriver: ReadingSeat {
    func take() -> Bool { self.transport.takeSeat() }

    func leave() { self.transport.leaveSeat() }

    func wait(until deadline: UInt64?) -> SeatWait { self.transport.waitInSeat(until: deadline) }

    func ring() { self.transport.ringSeat() }

    func read() -> SeatRead { self.read(evenPaused: false) }

    /// - Parameter evenPaused: Nothing else tells of the end of a socket that has hung up, and little is left in it.
    /// - Returns: What it came to.
    @discardableResult
    private func read(evenPaused: Bool) -> SeatRead {
        self.state.withLock { state in
            guard let core = state.core else { return .mustLeave }
            var found = SeatRead.nothing
            for _ in 0..<Self.readLimit where !core.hasEnded && (evenPaused || !core.isPaused) {
                switch self.transport.read(with: &state.reader) {
                case .read(let buffer, let mayHaveMore):
                    found = .something
                    core.read(buffer, now: MonotonicClock.now())
                    if mayHaveMore { continue }
                case .nothing: break
                case .endOfFile: core.endOfFileReceived()
                case .broken(let reason): core.socketFailed(reason)
                }
                break
            }
            return core.hasEnded || core.isPaused ? .mustLeave : found
        }
    }
}
