import AMQPCore
import AMQPWire
import NIOCore

/// Between NIO and the core, for connections with TLS: reads, ticks and the socket's end go in, decisions come out.
// @unchecked Sendable: every `var` is touched on the event loop alone.
final class NIODriver: ChannelInboundHandler, ConnectionDriver, ConnectionHost, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private let settings: HandshakeSettings
    private let options: ConnectionOptions
    private let openDeadline: UInt64
    private let report: ConnectionReport
    private var core: ConnectionCore?
    private var context: ChannelHandlerContext?
    private var tick: RepeatedTask?
    private var stalls = StallWatch(
        interval: UInt64(NIODriver.tickInterval.nanoseconds),
        now: MonotonicClock.now()
    )

    private static let tickInterval = TimeAmount.milliseconds(100)

    init(
        endpoint: Endpoint,
        options: ConnectionOptions,
        dueBy deadline: UInt64,
        report: ConnectionReport
    ) {
        self.openDeadline = deadline
        self.settings = options.handshake(endpoint)
        self.options = options
        self.report = report
    }

    // MARK: NIO

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { self.start(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.start(context)
        context.fireChannelActive()
    }

    private func start(_ context: ChannelHandlerContext) {
        guard self.core == nil else { return }
        let core = ConnectionCore(
            settings: self.settings,
            options: self.options,
            outbox: Outbox(transport: NIOTransport(context.channel), highWater: self.options.outboxHighWater),
            host: self,
            now: MonotonicClock.now()
        )
        self.core = core
        self.tick = context.eventLoop.scheduleRepeatedTask(
            initialDelay: Self.tickInterval,
            delay: Self.tickInterval
        ) { _ in self.runTick() }
        core.start(dueBy: self.openDeadline)
    }

    private func runTick() {
        let now = MonotonicClock.now()
        self.core?.tick(now: now, afterStallOf: self.stalls.tick(now: now))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let core = self.core else { return }
        var buffer = self.unwrapInboundIn(data)
        if buffer.fillsLittle { buffer = context.channel.allocator.buffer(buffer: buffer) }
        core.read(buffer, now: MonotonicClock.now())
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.core?.endOfFileReceived()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is IOError {
            self.core?.socketFailed("\(error)")
        } else {
            self.core?.transportFailed(
                error as? AMQPError ?? AMQPError(.connectionLost, scope: .connection, text: "\(error)")
            )
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.core?.endOfFileReceived()  // without a core it never connected: the bootstrap knows why
        self.context = nil
    }

    // MARK: ConnectionDriver

    var seat: (any ReadingSeat)? { nil }

    func close(code: ReplyCode, text: String, timeout: Duration) {
        self.report.eventLoop.execute {
            self.core?.close(code: code, text: text, timeout: timeout, now: MonotonicClock.now())
        }
    }

    func updateSecret(_ update: ConnectionUpdateSecret, _ promise: EventLoopPromise<Void>) {
        self.report.eventLoop.execute {
            guard let core = self.core, core.isOpen else {
                return promise.fail(self.core?.outbox.end ?? .ended(.connection, "closed by its owner"))
            }
            self.report.willUpdateSecret(promise)
            core.send(update)
        }
    }

    // MARK: ConnectionHost

    func connectionOpened(_ serverProperties: FieldTable) {
        guard let core = self.core else { return }
        self.report.connectionOpened(OpenedConnection(outbox: core.outbox, serverProperties: serverProperties))
    }

    func setReading(_ isReading: Bool) {
        // It fails with the socket alone.
        self.context?.channel.setOption(.autoRead, value: isReading).whenFailure { _ in }
    }

    func connectionBlocked(reason: String) { self.report.connectionBlocked(reason: reason) }

    func connectionUnblocked() { self.report.connectionUnblocked() }

    func frameDropped(channel: UInt16) { self.report.frameDropped(channel: channel) }

    func secretUpdated() { self.report.secretUpdated() }

    func connectionEnded(_ error: AMQPError, isWriting: Bool) {
        self.tick?.cancel()
        if isWriting, let eventLoop = self.context?.eventLoop {
            // Another thread has the last words in hand; it never waits for the socket, so this is ample.
            eventLoop.scheduleTask(in: Self.tickInterval) {}.futureResult.whenComplete { _ in self.drop() }
        } else {
            self.drop()
        }
        self.report.connectionEnded(error)
    }

    private func drop() {
        self.context?.close(promise: nil)
        self.context = nil
        self.report.socketClosed()
    }
}
