package import AMQPWire
import Synchronization

/// One connection without its socket: octets and times in, octets out through the outbox, decisions to the host.
///
/// Not thread-safe: one thread at a time drives it. Times are nanoseconds of one monotonic clock.
package final class ConnectionCore: InboundDelegate {
    private let options: ConnectionOptions
    private weak var host: (any ConnectionHost)?
    package let outbox: Outbox
    private var machine: ConnectionMachine
    private var heartbeat = HeartbeatClock(interval: 0, now: 0)
    private let reader: InboundReader
    private var lanes: ContiguousArray<Lane?> = []
    private var now: UInt64
    private var readSinceTick = false
    /// Some owner does not keep up: nothing is read until it does.
    package private(set) var isPaused = false
    /// When everything ends with this error, unless something happens first.
    private var deadline: (at: UInt64, error: AMQPError)?
    private var closeText: AMQPError?
    private var cancelsAtTimeout = false
    /// The last number that frames came for and that was not in use.
    private var lastUnknown: UInt16?
    package private(set) var hasEnded = false

    package init(
        settings: HandshakeSettings,
        options: ConnectionOptions,
        outbox: Outbox,
        host: any ConnectionHost,
        now: UInt64
    ) {
        self.options = options
        self.host = host
        self.outbox = outbox
        self.machine = ConnectionMachine(settings: settings)
        self.reader = InboundReader(
            frameMax: Self.frameMaxUntilTune,
            bodyLimit: options.bodyByteLimit,
            headerLimit: options.headerByteLimit
        )
        self.now = now
    }

    /// Sends the protocol header (C1).
    ///
    /// - Parameter deadline: When open-ok is due (C11); nil is the whole connect timeout from now on.
    package func start(dueBy deadline: UInt64? = nil) {
        let text = "no open connection after \(DurationText.write(self.options.connectTimeout))"
        let due = deadline ?? self.now &+ self.options.connectTimeout.nanoseconds
        self.deadline = (at: due, error: AMQPError(.timeout, scope: .connection, text: text))
        self.outbox.appendControl { $0.append(contentsOf: Frame.protocolHeader) }
        self.outbox.flush()
    }

    // MARK: What the socket brings

    /// Takes one read.
    package func read(_ block: Block, now: UInt64) {
        guard !self.hasEnded else { return }
        self.now = now
        self.readSinceTick = true
        do throws(InboundFailure) {
            try self.reader.read(block, now: now, delegate: self)
        } catch {
            return self.refuse(error)
        }
        if !self.reader.flooded.isEmpty { self.endFlooded() }
        if !self.reader.overfull.isEmpty || self.reader.waitingBytes > WaitingLimit.connection { self.pauseReading() }
    }

    /// Lets TCP hold the peer, as long as nobody waits for its answer: that may be the owner who is to make room.
    ///
    /// Above the higher limits it does so all the same, see ``WaitingLimit``.
    private func pauseReading() {
        let isAwaited = self.outbox.hasRequests
        let waitingBytes = self.lookAtWaiting()
        if isAwaited {
            self.reader.overfull.removeAll { $0.mailbox.unboundedBytes <= WaitingLimit.channelWhileAwaiting }
        }
        let limit = isAwaited ? WaitingLimit.connectionWhileAwaiting : WaitingLimit.connection
        guard !self.reader.overfull.isEmpty || waitingBytes > limit, !self.isPaused else { return }
        self.isPaused = true
        self.host?.setReading(false)
    }

    /// Octets that nothing but TCP bounds and that wait now, for all owners.
    private func lookAtWaiting() -> Int {
        var all = 0
        for lane in self.lanes {
            guard let lane else { continue }
            lane.waitingBytes = lane.mailbox.unboundedBytes
            all += lane.waitingBytes
        }
        self.reader.waitingBytes = all
        return all
    }

    /// Ends the channels whose peer has sent what it may not: nothing more of it is kept.
    private func endFlooded() {
        for (lane, offence) in self.reader.flooded where lane.isOpen {
            let error = AMQPError.violation(offence.text, scope: .channel(lane.number))
            guard self.outbox.closeChannel(lane.number, lane.incarnation, code: .preconditionFailed, reason: error)
            else { continue }
            self.silence(lane)
            lane.mailbox.cutOff(lane.incarnation, error)
        }
        self.reader.flooded.removeAll()
        self.outbox.flush()
    }

    /// The peer closed the socket.
    package func endOfFileReceived() { self.end(self.closeText ?? self.machine.endOfFileReceived()) }

    /// The socket broke; in the handshake that means what the end of the stream would (C6).
    package func socketFailed(_ reason: String) {
        if self.machine.isHandshaking { return self.end(self.machine.endOfFileReceived()) }
        self.end(AMQPError(.connectionLost, scope: .connection, text: reason))
    }

    /// What lies between the socket and us is broken, TLS for one.
    package func transportFailed(_ error: AMQPError) { self.end(error) }

    // MARK: InboundDelegate

    @inline(__always)
    package func lane(for number: UInt16) -> Lane? {
        if Int(number) < self.lanes.count, let lane = self.lanes[Int(number)] { return lane }
        return self.findLane(number)
    }

    private func findLane(_ number: UInt16) -> Lane? {
        guard self.machine.state == .open else { return nil }  // closing: only close and close-ok count (C44)
        guard let lane = self.outbox.lane(number) else {
            if self.lastUnknown != number { self.host?.frameDropped(channel: number) }
            self.lastUnknown = number
            return nil
        }
        while self.lanes.count <= Int(number) { self.lanes.append(nil) }
        self.lanes[Int(number)] = lane
        return lane
    }

    package func getOkReceived(lane: Lane) throws(InboundFailure) -> Bool {
        try self.replyReceived(lane.number, .basicGetOk)
    }

    package func methodReceived(channel: UInt16, lane: Lane?, payload: UnsafeRawBufferPointer) throws(InboundFailure) {
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
            switch self.outbox.openOkReceived(lane.number) {
            case .opened:
                lane.isOpen = true
                lane.append(.reply(method))
            case .ignore: break
            case .unexpected: throw Self.unexpected(method, lane)
            }
        case .channelClose(let close): self.closeReceived(close, lane)
        case .channelCloseOk:
            switch self.outbox.closeOkReceived(lane.number) {
            case .closed:
                self.drop(lane)
                lane.append(.reply(method))
            case .ignore: break
            case .unexpected: throw Self.unexpected(method, lane)
            }
        case .channelFlow(let flow):
            guard self.outbox.flowReceived(lane.number, active: flow.active) else {
                throw InboundFailure(code: .resourceError, text: "channel.flow again and again, and no answer is read")
            }
            self.outbox.flush()
        case .basicAck(let ack):
            guard lane.isOpen else { return }  // of the number's last life (C37)
            lane.append(.confirm(tag: ack.deliveryTag, multiple: ack.multiple, positive: true))
        case .basicNack(let nack):
            guard lane.isOpen else { return }
            lane.append(.confirm(tag: nack.deliveryTag, multiple: nack.multiple, positive: false))
        case .basicCancel(let cancel):
            // No cancel-ok: RabbitMQ ends the connection over one (C56).
            let origin = lane.origin
            guard !origin.isStray(consumerTag: cancel.consumerTag) else { return }
            if self.cancelsAtTimeout { lane.hasTimedOut.store(true, ordering: .relaxed) }
            // The number first: see `Channel.goOn(withoutConsumers:)`.
            lane.lostConsumers.add(1, ordering: .sequentiallyConsistent)
            lane.hasLostConsumer.store(true, ordering: .sequentiallyConsistent)
            lane.append(.cancelled(consumerTag: cancel.consumerTag))
        case .basicConsumeOk(let ok):
            guard try self.replyReceived(lane.number, method.id) else { return }
            var origin = lane.origin
            origin.consumeOkReceived(ok.consumerTag)
            lane.origin = origin
            lane.append(.reply(method))
        case .basicRecoverOk:
            guard try self.replyReceived(lane.number, method.id) else { return }
            lane.append(.requeued(upTo: lane.origin.lastTag))
            lane.append(.reply(method))
        default:
            if try self.replyReceived(lane.number, method.id) { lane.append(.reply(method)) }
        }
    }

    private static func unexpected(_ method: Method, _ lane: Lane) -> InboundFailure {
        InboundFailure(
            code: .commandInvalid,
            text: "\(method.id) on channel \(lane.number), where nothing waits for it"
        )
    }

    private func replyReceived(_ number: UInt16, _ id: MethodID) throws(InboundFailure) -> Bool {
        switch self.outbox.replyReceived(number, id) {
        case .deliver: return true
        case .ignore, .take: return false
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
        if error.meansConsumerTimeout { lane.hasTimedOut.store(true, ordering: .relaxed) }
        if self.outbox.closeReceived(lane.number, error, now: self.now) != nil {
            self.drop(lane)
            lane.append(.closed(error))
        }
        self.outbox.flush()
    }

    /// The channel is over: what was gathered for it can not be acked any more.
    private func drop(_ lane: Lane) {
        self.silence(lane)
        self.lanes[Int(lane.number)] = nil
    }

    private func silence(_ lane: Lane) {
        lane.isOpen = false
        lane.dropDeliveries()
        lane.ackLine.end()
        self.reader.waitingBytes -= lane.waitingBytes
        lane.waitingBytes = 0
    }

    // MARK: Channel 0

    /// Until the limits are agreed on: RabbitMQ holds connection.start, which tells of the server, to none.
    private static let frameMaxUntilTune = 131_072

    private func run(_ action: ConnectionMachine.Action) {
        switch action {
        case .ignore: break
        case .secretUpdated: self.host?.secretUpdated()
        case .send(let methods): self.send(methods)
        case .negotiated(let negotiated, let methods):
            self.outbox.apply(negotiated)
            self.reader.payloadLimit = negotiated.frameMax - Frame.overhead
            let interval = UInt64(negotiated.heartbeatSeconds) * 1_000_000_000
            self.heartbeat = HeartbeatClock(interval: interval, now: self.now)
            self.send(methods)
        case .opened:
            self.deadline = nil
            self.cancelsAtTimeout = BrokerVersion(self.machine.serverProperties).cancelsAtTimeout
            self.host?.connectionOpened(self.machine.serverProperties)
        case .blocked(let reason):
            self.outbox.setBlocked(true)
            self.host?.connectionBlocked(reason: reason)
        case .unblocked:
            self.outbox.setBlocked(false)
            self.host?.connectionUnblocked()
        case .answerCloseAndEnd(let error):
            self.shut(error, .connectionCloseOk(ConnectionCloseOk()))
            self.end(error)
        case .endClosed: self.end(self.closeText ?? .ended(.connection, "closed by its owner"))
        case .refuse(let error, let code):
            self.closeText = error
            self.sendClose(code, error)
            // A peer that broke the protocol may never send close-ok (C44).
            self.setDeadline(in: self.options.requestTimeout, error)
        case .fail(let error): self.end(error)
        }
    }

    private func send(_ methods: [Method]) {
        let frameMax = self.outbox.frameMax
        var failure: WireError?
        self.outbox.appendControl { buffer in
            let mark = buffer.count
            do throws(WireError) {
                for method in methods { try buffer.appendMethodFrame(method, channel: 0, frameMax: frameMax) }
            } catch {
                buffer.truncate(to: mark)
                failure = error
            }
        }
        if let failure {
            // Ours alone to mend: a login, a virtual host or a client property that fits no frame (C10, C20).
            return self.end(
                AMQPError(.invalidSettings, scope: .connection, text: "\(methods[0].id): \(failure.message)")
            )
        }
        self.outbox.flush()
    }

    private func refuse(_ failure: InboundFailure) {
        let code: AMQPError.Code = failure.isForeignProtocol ? .protocolMismatch : .protocolViolation
        let error = AMQPError(code, scope: .connection, text: failure.text)
        guard !failure.isForeignProtocol, self.machine.close() == .sendClose else { return self.end(error) }
        self.closeText = error
        // The stream can not be read any further, so the answer is not waited for.
        self.sendClose(failure.code, error)
        self.end(error)
    }

    private func sendClose(_ code: ReplyCode, _ error: AMQPError) {
        let short = String(decoding: Array(error.text.utf8.prefix(200)), as: UTF8.self)
        self.shut(
            error,
            .connectionClose(ConnectionClose(replyCode: code, replyText: short, classID: 0, methodID: 0))
        )
    }

    /// Says the last words: after them channels neither send nor get anything.
    private func shut(_ error: AMQPError, _ lastWords: Method) {
        self.outbox.shut(error) { buffer in
            let mark = buffer.count
            do throws(WireError) {
                try buffer.appendMethodFrame(lastWords, channel: 0, frameMax: Frame.minSize)
            } catch {
                buffer.truncate(to: mark)  // its text is cut: it always fits
            }
        }
        self.lanes.removeAll()
        self.outbox.flush()
    }

    /// Whether open-ok came and no close did.
    package var isOpen: Bool { !self.hasEnded && self.machine.state == .open }

    /// Sends a new secret; `secretUpdated` is told of the answer (C66).
    package func send(_ update: ConnectionUpdateSecret) { self.send([.connectionUpdateSecret(update)]) }

    /// Closes by our own wish; the socket goes when close-ok has come or the timeout passed (C13, C44).
    package func close(code: ReplyCode, text: String, timeout: Duration, now: UInt64) {
        guard !self.hasEnded else { return }
        self.now = now
        switch self.machine.close() {
        case .alreadyClosing:
            // The owner's patience counts too, where a close of another kind is under way.
            let due = now &+ timeout.nanoseconds
            if let deadline, due < deadline.at { self.deadline = (at: due, error: deadline.error) }
        case .dropSocket: self.end(.ended(.connection, text))
        case .sendClose:
            let error = AMQPError.ended(.connection, text)
            self.closeText = error
            self.setDeadline(in: timeout, error)
            self.appendHeldAcks()  // given before the close, so they count
            self.sendClose(code, error)
        }
    }

    // MARK: Time

    private func setDeadline(in timeout: Duration, _ error: AMQPError) {
        self.deadline = (at: self.now &+ timeout.nanoseconds, error: error)
    }

    /// Ten times a second: deadlines, heartbeats, acks held back behind a slow handler, a reader that paused.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - stall: How long this process did not run, in nanoseconds, if it was longer than its share: what the peer
    ///     sent meanwhile may not have been read yet.
    package func tick(now: UInt64, afterStallOf stall: UInt64 = 0) {
        guard !self.hasEnded else { return }
        self.now = now
        if let deadline, now >= deadline.at { return self.end(deadline.error) }
        // While we do not read, the peer's silence is our own doing.
        if self.readSinceTick || self.isPaused { self.heartbeat.received(now: now) }
        self.heartbeat.stalled(for: stall, now: now)
        if self.isPaused { self.resumeReading() }
        self.readSinceTick = false
        self.appendHeldAcks()
        for (lane, error) in self.outbox.freeOverdue(now: now) {
            self.drop(lane)
            lane.mailbox.put(lane.incarnation, event: .closed(error))
        }
        self.outbox.flush()
        if self.outbox.takeWroteSinceTick() { self.heartbeat.sent(now: now) }
        switch self.heartbeat.tick(now: now) {
        case .none: break
        case .send:
            self.outbox.appendControl { $0.appendHeartbeat() }
            self.outbox.flush()
        case .peerDead(let silence):
            let text = "the server sent nothing for \(silence / 1_000_000_000) s; heartbeats were agreed on"
            self.end(AMQPError(.heartbeatMissed, scope: .connection, text: text))
        }
    }

    private func appendHeldAcks() {
        for lane in self.lanes {
            guard let lane, lane.isOpen else { continue }
            lane.ackLine.sendFrames(byOwner: false) { frames in
                self.outbox.appendFrames(lane.number, lane.incarnation, frames)
            }
        }
    }

    /// Reads on once every owner that did not keep up has taken what was waiting, or waits for an answer.
    private func resumeReading() {
        let isAwaited = self.outbox.hasRequests
        let enough = isAwaited ? WaitingLimit.channelWhileAwaiting : WaitingLimit.channel / 2
        self.reader.overfull.removeAll { $0.mailbox.unboundedBytes <= enough }
        let limit =
            isAwaited ? WaitingLimit.connectionWhileAwaiting : WaitingLimit.connection - WaitingLimit.channel / 2
        guard self.reader.overfull.isEmpty, self.lookAtWaiting() <= limit else { return }
        self.isPaused = false
        self.host?.setReading(true)
    }

    // MARK: The one end

    private func end(_ error: AMQPError) {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.deadline = nil
        self.reader.handOver()
        let isWriting = self.outbox.connectionEnded(error)
        self.lanes.removeAll()
        self.host?.connectionEnded(error, isWriting: isWriting)
    }
}
