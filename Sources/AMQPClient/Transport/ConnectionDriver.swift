import AMQPWire
import Logging
import NIOCore

/// What a connection tells whoever keeps it.
///
/// Called on the event loop: return at once.
public protocol ConnectionDelegate: AnyObject, Sendable {
    /// The broker reads nothing from this connection until it is unblocked (C51).
    func connectionBlocked(reason: String)
    /// The broker reads again.
    func connectionUnblocked()
    /// The open connection ended, once; every channel has been told.
    func connectionEnded(_ error: AMQPError)
}

/// Between NIO and the core: reads, ticks and the socket's end go in, decisions come out.
// @unchecked Sendable: every `var` is touched on the event loop alone.
final class ConnectionDriver: ChannelInboundHandler, ConnectionHost, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private let settings: HandshakeSettings
    private let isEncrypted: Bool
    private let secretUpdates = SecretUpdates()
    private var hasOpened = false
    private let options: ConnectionOptions
    private let logger: Logger
    private weak var delegate: (any ConnectionDelegate)?
    private var core: ConnectionCore?
    private var context: ChannelHandlerContext?
    private var transport: SocketTransport?
    private var tick: RepeatedTask?
    private var stalls = StallWatch(
        interval: UInt64(ConnectionDriver.tickInterval.nanoseconds),
        now: MonotonicClock.now()
    )
    private let opened: EventLoopPromise<Outbox>
    private let ended: EventLoopPromise<Void>

    static let tickInterval = TimeAmount.milliseconds(100)

    init(
        endpoint: Endpoint,
        options: ConnectionOptions,
        logger: Logger,
        delegate: (any ConnectionDelegate)?,
        opened: EventLoopPromise<Outbox>,
        ended: EventLoopPromise<Void>
    ) {
        self.settings = options.handshake(endpoint)
        self.isEncrypted = endpoint.tls != nil
        self.options = options
        self.logger = logger
        self.delegate = delegate
        self.opened = opened
        self.ended = ended
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
        // With TLS nothing may pass NIO by.
        let descriptor =
            self.isEncrypted
            ? nil
            : try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        let transport = SocketTransport(channel: context.channel, descriptor: descriptor)
        self.transport = transport
        let core = ConnectionCore(
            settings: self.settings,
            options: self.options,
            outbox: Outbox(transport: transport, highWater: self.options.outboxHighWater),
            logger: self.logger,
            host: self,
            now: MonotonicClock.now()
        )
        self.core = core
        self.tick = context.eventLoop.scheduleRepeatedTask(
            initialDelay: Self.tickInterval,
            delay: Self.tickInterval
        ) { _ in self.runTick() }
        core.start()
    }

    private func runTick() {
        let now = MonotonicClock.now()
        self.core?.tick(now: now, afterStallOf: self.stalls.tick(now: now))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let core = self.core else { return }
        var buffer = self.unwrapInboundIn(data)
        // A few deliveries must not keep a big read buffer alive.
        if buffer.readableBytes < 16 * 1024, buffer.readableBytes * 4 < buffer.storageCapacity {
            buffer = context.channel.allocator.buffer(buffer: buffer)
        }
        buffer.withUnsafeReadableBytesWithStorageManagement { bytes, storage in
            // takeUnretainedValue: `buffer` holds the storage for this call, the block for as long as it lives.
            core.read(Block(bytes: bytes, owner: storage.takeUnretainedValue()), now: MonotonicClock.now())
        }
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

    /// Closes by our own wish (C13, C44).
    func close(code: ReplyCode, text: String, timeout: Duration) {
        self.core?.close(code: code, text: text, timeout: timeout, now: MonotonicClock.now())
    }

    /// Gives the broker a new secret for this connection (C66).
    func updateSecret(_ update: ConnectionUpdateSecret, _ promise: EventLoopPromise<Void>) {
        guard let core = self.core, let eventLoop = self.context?.eventLoop, core.isOpen else {
            return promise.fail(self.core?.outbox.end ?? .ended(.connection, "closed by its owner"))
        }
        self.secretUpdates.sent(promise, timeout: self.options.requestTimeout, on: eventLoop)
        core.send(update)
    }

    // MARK: ConnectionHost

    func connectionOpened() {
        self.hasOpened = true
        if let core = self.core { self.opened.succeed(core.outbox) }
    }

    func setReading(_ isReading: Bool) {
        // It fails with the socket alone.
        self.context?.channel.setOption(.autoRead, value: isReading).whenFailure { _ in }
    }

    func connectionBlocked(reason: String) { self.delegate?.connectionBlocked(reason: reason) }

    func connectionUnblocked() { self.delegate?.connectionUnblocked() }

    func secretUpdated() { self.secretUpdates.answered() }

    func connectionEnded(_ error: AMQPError, isWriting: Bool) {
        self.tick?.cancel()
        self.opened.fail(error)
        self.secretUpdates.ended(error)
        if isWriting, let eventLoop = self.context?.eventLoop {
            // Another thread has the last words in hand; it never waits for the socket, so this is ample.
            eventLoop.scheduleTask(in: Self.tickInterval) {}.futureResult.whenComplete { _ in self.drop() }
        } else {
            self.drop()
        }
        if self.hasOpened { self.delegate?.connectionEnded(error) }
    }

    private func drop() {
        self.transport?.shutDown()
        self.context?.close(promise: nil)
        self.context = nil
        self.ended.succeed(())
    }
}
