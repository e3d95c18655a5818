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

/// The event loop's side of a connection: decode, ask a machine, run its action.
// @unchecked Sendable: every member is touched on `eventLoop` alone, apart from the immutable ones.
final class ConnectionDriver: ChannelInboundHandler, InboundDelegate, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private let options: ConnectionOptions
    private let isEncrypted: Bool
    private let secretUpdates = SecretUpdates()
    private var hasOpened = false
    private let logger: Logger
    private weak var delegate: (any ConnectionDelegate)?
    private var machine: ConnectionMachine
    private var heartbeat = HeartbeatClock(interval: 0, now: 0)
    private let reader: InboundReader
    private var lanes: ContiguousArray<Lane?> = []
    private var context: ChannelHandlerContext?
    private var transport: SocketTransport?
    private(set) var outbox: Outbox?
    private var readSinceTick = false
    private var isPaused = false
    private var tick: RepeatedTask?
    private var deadline: Scheduled<Void>?
    private var closeText: AMQPError?
    private var hasEnded = false
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
        self.options = options
        self.isEncrypted = endpoint.tls != nil
        self.logger = logger
        self.delegate = delegate
        self.machine = ConnectionMachine(settings: options.handshake(endpoint))
        self.reader = InboundReader(frameMax: Frame.rabbitMQMinSize, bodyLimit: options.bodyByteLimit)
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
        guard self.outbox == nil else { return }
        // With TLS nothing may pass NIO by.
        let descriptor =
            self.isEncrypted
            ? nil
            : try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        let transport = SocketTransport(channel: context.channel, descriptor: descriptor)
        self.transport = transport
        let outbox = Outbox(transport: transport, highWater: self.options.outboxHighWater)
        self.outbox = outbox
        let timeout = AMQPError(
            .timeout,
            scope: .connection,
            text: "no open connection after \(self.options.connectTimeout)"
        )
        self.deadline = context.eventLoop.scheduleTask(in: .nanoseconds(Int64(self.options.connectTimeout.nanoseconds)))
        {
            self.end(timeout)
        }
        outbox.appendControl { $0.append(contentsOf: Frame.protocolHeader) }
        outbox.flush()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        guard !self.hasEnded else { return }
        self.readSinceTick = true
        // A few deliveries must not keep a big read buffer alive.
        if buffer.readableBytes < 16 * 1024, buffer.readableBytes * 4 < buffer.storageCapacity {
            buffer = context.channel.allocator.buffer(buffer: buffer)
        }
        let failure: InboundFailure? = buffer.withUnsafeReadableBytesWithStorageManagement { bytes, storage in
            // takeUnretainedValue: `buffer` holds the storage for this call, the block for as long as it lives.
            let block = Block(bytes: bytes, owner: storage.takeUnretainedValue())
            do throws(InboundFailure) {
                try self.reader.read(block, delegate: self)
                return nil
            } catch {
                return error
            }
        }
        if let failure { return self.refuse(failure) }
        if !self.reader.overfull.isEmpty, !self.isPaused {
            self.isPaused = true
            context.channel.setOption(.autoRead, value: false).whenFailure { _ in }  // it fails with the socket alone
        }
    }

    /// Reads on once every owner that did not keep up has taken what was waiting.
    private func resumeReading() {
        self.reader.overfull.removeAll { $0.mailbox.queuedBytes <= Lane.queueLimit / 2 }
        guard self.reader.overfull.isEmpty else { return }
        self.isPaused = false
        self.context?.channel.setOption(.autoRead, value: true).whenFailure { _ in }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end(self.closeText ?? self.machine.endOfFileReceived())
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset in the handshake means what the end of the stream would (C6).
        if error is IOError, self.machine.isHandshaking { return self.end(self.machine.endOfFileReceived()) }
        self.end(error as? AMQPError ?? AMQPError(.connectionLost, scope: .connection, text: "\(error)"))
    }

    // MARK: InboundDelegate

    @inline(__always)
    func lane(for number: UInt16) -> Lane? {
        if Int(number) < self.lanes.count, let lane = self.lanes[Int(number)] { return lane }
        return self.findLane(number)
    }

    private func findLane(_ number: UInt16) -> Lane? {
        guard let lane = self.outbox?.lane(number) else {
            self.logger.debug("dropped a frame for a channel that is not in use", metadata: ["channel": "\(number)"])
            return nil
        }
        while self.lanes.count <= Int(number) { self.lanes.append(nil) }
        self.lanes[Int(number)] = lane
        return lane
    }

    func getOkReceived(lane: Lane) throws(InboundFailure) -> Bool {
        try self.replyReceived(lane.number, .basicGetOk)
    }

    func methodReceived(channel: UInt16, lane: Lane?, payload: UnsafeRawBufferPointer) throws(InboundFailure) {
        let method: Method
        do throws(WireError) {
            method = try Method.decode(payload)
        } catch {
            throw InboundFailure(code: error.replyCode, text: error.message)
        }
        if channel == 0 { return self.run(self.machine.methodReceived(method)) }
        guard let lane else { return }
        try self.channelMethodReceived(method, lane)
    }

    private func channelMethodReceived(_ method: Method, _ lane: Lane) throws(InboundFailure) {
        switch method {
        case .channelOpenOk:
            switch self.outbox?.openOkReceived(lane.number) {
            case .opened:
                lane.isOpen = true
                lane.events.append(.reply(method))
            case .ignore, nil: break
            case .unexpected: throw Self.unexpected(method, lane)
            }
        case .channelClose(let close): self.closeReceived(close, lane)
        case .channelCloseOk:
            guard case .closed = self.outbox?.closeOkReceived(lane.number) else { throw Self.unexpected(method, lane) }
            self.drop(lane)
            lane.events.append(.reply(method))
        case .channelFlow(let flow):
            self.outbox?.flowReceived(lane.number, active: flow.active)
            self.outbox?.flush()
        case .basicAck(let ack):
            lane.events.append(.confirm(tag: ack.deliveryTag, multiple: ack.multiple, positive: true))
        case .basicNack(let nack):
            lane.events.append(.confirm(tag: nack.deliveryTag, multiple: nack.multiple, positive: false))
        case .basicCancel(let cancel):
            // No cancel-ok: RabbitMQ ends the connection over one (C56).
            lane.events.append(.cancelled(consumerTag: cancel.consumerTag))
        default:
            if try self.replyReceived(lane.number, method.id) { lane.events.append(.reply(method)) }
        }
    }

    private static func unexpected(_ method: Method, _ lane: Lane) -> InboundFailure {
        InboundFailure(
            code: .commandInvalid,
            text: "\(method.id) on channel \(lane.number), where nothing waits for it"
        )
    }

    private func replyReceived(_ number: UInt16, _ id: MethodID) throws(InboundFailure) -> Bool {
        switch self.outbox?.replyReceived(number, id) {
        case .deliver: return true
        case .ignore, nil: return false
        case .unexpected:
            throw InboundFailure(code: .commandInvalid, text: "\(id) on channel \(number), where nothing waits for it")
        }
    }

    private func closeReceived(_ close: ChannelClose, _ lane: Lane) {
        let error = AMQPError(
            closeCode: close.replyCode,
            text: close.replyText,
            classID: close.classID,
            methodID: close.methodID,
            scope: .channel(lane.number)
        )
        if self.outbox?.closeReceived(lane.number, error) != nil {
            self.drop(lane)
            lane.events.append(.closed(error))
        }
        self.outbox?.flush()
    }

    /// The channel is over: what was gathered for it can not be acked any more.
    private func drop(_ lane: Lane) {
        lane.isOpen = false
        lane.assembler.reset()
        lane.records.removeAll()
        lane.batches.removeAll()
        lane.ackLine.end()
        self.lanes[Int(lane.number)] = nil
    }

    // MARK: Channel 0

    private func run(_ action: ConnectionMachine.Action) {
        switch action {
        case .ignore: break
        case .secretUpdated: self.secretUpdates.answered()
        case .send(let methods): self.send(methods)
        case .negotiated(let negotiated, let methods):
            self.outbox?.apply(negotiated)
            self.reader.payloadLimit = negotiated.frameMax - Frame.overhead
            self.startTicking(heartbeatSeconds: negotiated.heartbeatSeconds)
            self.send(methods)
        case .opened:
            self.deadline?.cancel()
            self.deadline = nil
            self.hasOpened = true
            if let outbox = self.outbox { self.opened.succeed(outbox) }
        case .blocked(let reason):
            self.outbox?.setBlocked(true)
            self.delegate?.connectionBlocked(reason: reason)
        case .unblocked:
            self.outbox?.setBlocked(false)
            self.delegate?.connectionUnblocked()
        case .answerCloseAndEnd(let error):
            self.send([.connectionCloseOk(ConnectionCloseOk())])
            self.end(error)
        case .endClosed: self.end(self.closeText ?? .ended(.connection, "closed by its owner"))
        case .refuse(let error, let code):
            self.closeText = error
            self.sendClose(code, error.text)
            self.endSoon(error)
        case .fail(let error): self.end(error)
        }
    }

    private func send(_ methods: [Method]) {
        let frameMax = self.outbox?.frameMax ?? Frame.minSize
        self.outbox?.appendControl { buffer in
            for method in methods {
                do throws(WireError) {
                    try buffer.appendMethodFrame(method, channel: 0, frameMax: frameMax)
                } catch {
                    self.logger.error("a connection method can not be encoded", metadata: ["reason": "\(error)"])
                }
            }
        }
        self.outbox?.flush()
    }

    private func refuse(_ failure: InboundFailure) {
        let code: AMQPError.Code = failure.isForeignProtocol ? .protocolMismatch : .protocolViolation
        let error = AMQPError(code, scope: .connection, text: failure.text)
        guard !failure.isForeignProtocol, self.machine.close() == .sendClose else { return self.end(error) }
        self.closeText = error
        // The stream can not be read any further, so the answer is not waited for.
        self.sendClose(failure.code, failure.text)
        self.end(error)
    }

    private func sendClose(_ code: ReplyCode, _ text: String) {
        let short = String(decoding: Array(text.utf8.prefix(200)), as: UTF8.self)
        self.send([
            .connectionClose(ConnectionClose(replyCode: code, replyText: short, classID: 0, methodID: 0))
        ])
    }

    /// Closes by our own wish; the socket goes when close-ok has come or the deadline passed (C13, C44).
    func close(code: ReplyCode, text: String, timeout: TimeAmount) {
        guard let context = self.context, !self.hasEnded else { return }
        switch self.machine.close() {
        case .alreadyClosing: return
        case .dropSocket: self.end(.ended(.connection, text))
        case .sendClose:
            self.closeText = .ended(.connection, text)
            self.sendClose(code, text)
            self.deadline = context.eventLoop.scheduleTask(in: timeout) {
                self.end(.ended(.connection, text))
            }
        }
    }

    /// Gives the broker a new secret for this connection (C66).
    func updateSecret(_ update: ConnectionUpdateSecret, _ promise: EventLoopPromise<Void>) {
        guard let eventLoop = self.context?.eventLoop, !self.hasEnded, self.machine.state == .open else {
            return promise.fail(self.outbox?.end ?? .ended(.connection, "closed by its owner"))
        }
        self.secretUpdates.sent(promise, timeout: self.options.requestTimeout, on: eventLoop)
        self.send([.connectionUpdateSecret(update)])
    }

    /// A peer that broke the protocol may never send close-ok (C44).
    private func endSoon(_ error: AMQPError) {
        self.deadline?.cancel()
        let patience = TimeAmount.nanoseconds(Int64(self.options.requestTimeout.nanoseconds))
        self.deadline = self.context?.eventLoop.scheduleTask(in: patience) { self.end(error) }
    }

    // MARK: Time

    private func startTicking(heartbeatSeconds: Int) {
        guard let context = self.context else { return }
        let interval = UInt64(heartbeatSeconds) * 1_000_000_000
        self.heartbeat = HeartbeatClock(interval: interval, now: MonotonicClock.now())
        self.tick = context.eventLoop.scheduleRepeatedTask(
            initialDelay: Self.tickInterval,
            delay: Self.tickInterval
        ) { _ in self.ticked(now: MonotonicClock.now()) }
    }

    private func ticked(now: UInt64) {
        guard let outbox = self.outbox else { return }
        // While we do not read, the peer's silence is our own doing.
        if self.readSinceTick || self.isPaused { self.heartbeat.received(now: now) }
        if self.isPaused { self.resumeReading() }
        self.readSinceTick = false
        for lane in self.lanes {
            guard let lane, lane.isOpen else { continue }
            lane.ackLine.takeFrames(byOwner: false) { frames in
                _ = outbox.appendFrames(lane.number, lane.incarnation, frames)
            }
        }
        outbox.flush()
        if outbox.takeWroteSinceTick() { self.heartbeat.sent(now: now) }
        switch self.heartbeat.tick(now: now) {
        case .none: break
        case .send:
            outbox.appendControl { $0.appendHeartbeat() }
            outbox.flush()
        case .peerDead(let silence):
            let text = "the server sent nothing for \(silence / 1_000_000_000) s; heartbeats were agreed on"
            self.end(AMQPError(.heartbeatMissed, scope: .connection, text: text))
        }
    }

    // MARK: The one end

    private func end(_ error: AMQPError) {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.tick?.cancel()
        self.deadline?.cancel()
        self.reader.handOver()
        let isWriting = self.outbox?.connectionEnded(error) ?? false
        self.lanes.removeAll()
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

    func handlerRemoved(context: ChannelHandlerContext) {
        guard self.outbox != nil else { return }  // never connected: the bootstrap knows why
        self.end(self.machine.endOfFileReceived())
        self.context = nil
    }
}
